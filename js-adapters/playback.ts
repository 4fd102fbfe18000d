/**
 * What a media element tells about playback: how much is buffered ahead, when the first frame came,
 * how long it waited. Shared by all adapters; decides nothing.
 *
 * Invariant: `detach()` leaves no listener behind.
 */

/** Who hears of playback. */
export interface PlaybackSink {
  playback(aheadMs: number, rate: number, moving: boolean): void;
  /** The first frame is on screen, or was before anybody watched. */
  started(): void;
  /** The player waited so long for bytes. */
  stalled(ms: number): void;
}

/** Ranges closer than this play as one, seconds. */
const HOLE = 0.1;

const EVENTS = [
  "timeupdate",
  "progress",
  "seeking",
  "waiting",
  "playing",
  "pause",
  "ratechange",
  "loadeddata",
] as const;

/** Watches one media element. */
export class PlaybackWatch {
  readonly #media: HTMLMediaElement;
  readonly #sink: PlaybackSink;
  #waitingSince: number | undefined;
  #started = false;

  constructor(media: HTMLMediaElement, sink: PlaybackSink) {
    this.#media = media;
    this.#sink = sink;
    for (const event of EVENTS) media.addEventListener(event, this);
    this.#started = media.readyState > 1;
    if (this.#started) sink.started();
    this.report();
  }

  /** A new stream begins on the same element. */
  restart(): void {
    this.#started = false;
    this.#waitingSince = undefined;
  }

  /** Takes an event of the element (the DOM's listener interface). */
  handleEvent(event: Event): void {
    const { type } = event;
    if (type === "loadeddata" || type === "playing") {
      if (!this.#started) this.#sink.started();
      this.#started = true;
    }
    if (type === "waiting" && this.#started && !this.#media.seeking) {
      this.#waitingSince ??= performance.now();
    } else if (type === "playing" || type === "pause" || type === "seeking") {
      this.#endWait();
    }
    this.report();
  }

  #endWait(): void {
    if (this.#waitingSince === undefined) return;
    this.#sink.stalled(performance.now() - this.#waitingSince);
    this.#waitingSince = undefined;
  }

  /** Tells how much is buffered ahead now. */
  report(): void {
    const media = this.#media;
    const moving = !media.paused && !media.seeking && media.readyState > 2;
    this.#sink.playback(aheadSeconds(media) * 1000, media.playbackRate, moving);
  }

  /** Stops watching. */
  detach(): void {
    this.#endWait();
    for (const event of EVENTS) this.#media.removeEventListener(event, this);
  }
}

/** Seconds buffered without a hole from the playhead on. */
export function aheadSeconds(media: HTMLMediaElement): number {
  const { buffered, currentTime } = media;
  let end = currentTime;
  for (let i = 0; i < buffered.length; i += 1) {
    if (buffered.start(i) <= end + HOLE && buffered.end(i) > end) end = buffered.end(i);
  }
  return end - currentTime;
}
