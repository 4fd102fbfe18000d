/**
 * Playback of a player that tells nobody when it gets another media element (Shaka and dash.js): whoever has a reason
 * looks again. Decides nothing.
 *
 * Invariant: the element that the player has now is watched, at most that one, and none after `detach()`.
 */

import { type PlaybackSink, PlaybackWatch } from "./playback.js";

type Media = HTMLMediaElement | null | undefined;

/** Watches the media element that a player has now. */
export class Follower {
  readonly #element: () => Media;
  readonly #sink: PlaybackSink;
  #watch: PlaybackWatch | undefined;
  #media: Media;

  /** `element` asks the player. */
  constructor(element: () => Media, sink: PlaybackSink) {
    this.#element = element;
    this.#sink = sink;
  }

  /** A new stream begins. */
  restart(): void {
    this.follow();
    this.#watch?.restart();
  }

  /** Tells the engine how much is buffered. */
  report(): void {
    this.follow();
    this.#watch?.report();
  }

  /** Looks which element it is now. */
  follow(): void {
    const media = this.#element();
    if (media === this.#media) return;
    this.detach();
    this.#media = media;
    if (media) this.#watch = new PlaybackWatch(media, this.#sink);
  }

  /** Watches nothing any more. */
  detach(): void {
    this.#watch?.detach();
    this.#watch = undefined;
    this.#media = undefined;
  }
}
