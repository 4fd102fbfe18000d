/**
 * `<swarmline-player>`: a video element with its player and its swarm in one tag. Markup is turned into
 * options by `player-options.ts`, a stream into a playing one by `player-media.ts`; this file is the
 * element's life and what a viewer sees of it.
 *
 * Invariant: an element that is not in a document plays nothing, holds no connection and no player. A
 * wrong attribute costs the swarm, never the picture. Importing this without a DOM defines nothing.
 */

import type { HlsConfig } from "hls.js";
import { readConfig, type SwarmConfig } from "./config.js";
import { SwarmlineError } from "./errors.js";
import {
  type PlayerName,
  type PlayerSources,
  type Playing,
  type PlayingShakaNamespace,
  start,
} from "./player-media.js";
import {
  liveOption,
  MEDIA_WORDS,
  type StreamType,
  streamType,
  swarmOptions,
  WORDS,
} from "./player-options.js";
import type { PeerEvent, SegmentEvent, SwarmStats, WarningEvent } from "./stats.js";
import type { Swarm } from "./swarm.js";

export type { SwarmConfig } from "./config.js";
export type { PlayerName, PlayerSources } from "./player-media.js";
export type { PeerEvent, SegmentEvent, SwarmStats, WarningEvent } from "./stats.js";

/** What the element tells, by the name of the event; `event.detail` carries it. */
export interface SwarmlinePlayerEvents {
  /** Who plays now, on which address. */
  ready: { player: PlayerName; src: string };
  /** The swarm's counters, each second. */
  stats: SwarmStats;
  peer: PeerEvent;
  segment: SegmentEvent;
  /** Playback goes on, without peers or otherwise not as it should. */
  warning: WarningEvent;
  /** Nothing plays. */
  error: WarningEvent;
}

/** Words that concern the media element alone. */
const DRESS: readonly string[] = [...MEDIA_WORDS, "controls", "label"];

// Without a DOM there is nothing to extend; a server that imports this must not fail.
const Base: typeof HTMLElement =
  typeof HTMLElement === "undefined" ? (class {} as unknown as typeof HTMLElement) : HTMLElement;

const STYLE = `
:host { display: block; position: relative; aspect-ratio: 16 / 9; background: #000; color: #fff; overflow: hidden; }
:host([hidden]) { display: none; }
video { display: block; inline-size: 100%; block-size: 100%; object-fit: contain; background: #000; }
:focus-visible { outline: 3px solid #8ab8ff; outline-offset: -3px; }
.over { position: absolute; inset: 0; display: grid; place-content: center; justify-items: center; gap: 0.75rem;
  padding: 1rem; text-align: center; background: rgb(0 0 0 / 80%); font: 1rem/1.45 system-ui, sans-serif; }
.over[hidden] { display: none; }
.over p { margin: 0; max-inline-size: 40ch; overflow-wrap: anywhere; }
.start { background: none; border: 0; padding: 0; }
button { min-block-size: 2.75rem; padding: 0.4rem 1.1rem; border: 2px solid #fff; border-radius: 9px; color: #fff;
  background: #17212b; font: inherit; font-weight: 600; cursor: pointer; }
button.big { inline-size: 5rem; block-size: 5rem; border-radius: 50%; padding: 0; font-size: 1.75rem; }
`;

/** The element. */
export class SwarmlinePlayer extends Base {
  static readonly observedAttributes: readonly string[] = WORDS;

  /** Where all elements of the page get their players; a page may bring its own. */
  static players: PlayerSources = {
    hls: async () => (await import("hls.js")).default,
    shaka: async () => {
      const module: unknown = await import("shaka-player");
      const { default: shaka = module } = module as { default?: unknown };
      return shaka as PlayingShakaNamespace;
    },
    hlsConfig: {},
  };

  /** The element that plays: its events, time and volume are the standard's. */
  readonly video: HTMLVideoElement = document.createElement("video");
  /** Options that markup has no word for, like `turnServers`; markup leads where both speak. */
  swarmConfig: SwarmConfig = {};
  /** What `new Hls()` gets for this element, over the page's. */
  hlsConfig: Partial<HlsConfig> = {};

  readonly #failure = document.createElement("div");
  readonly #reason = document.createElement("p");
  readonly #startOver = document.createElement("div");
  #swarm: Swarm | undefined;
  #playing: Playing | undefined;
  /** Counts loads, so that one that was overtaken stops by itself. */
  #turn = 0;
  #waiting = false;
  /** The stream is being put in place. */
  #beginning: Promise<void> = Promise.resolve();
  /** The last player lets go of the media element. */
  #freed: Promise<void> = Promise.resolve();

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    root.adoptedStyleSheets = [style];
    this.video.playsInline = true;
    this.#failure.className = "over";
    this.#failure.setAttribute("role", "alert");
    this.#failure.setAttribute("part", "failure");
    this.#failure.hidden = true;
    const again = button("Try again", "", () => this.load());
    this.#failure.append(this.#reason, again);
    this.#startOver.className = "over start";
    this.#startOver.setAttribute("part", "start");
    this.#startOver.hidden = true;
    const play = button("▶\uFE0E", "big", () => {
      this.play().catch(() => undefined); // what went wrong is told by an event
    });
    play.setAttribute("aria-label", "Play");
    this.#startOver.append(play);
    root.append(this.video, this.#startOver, this.#failure);
  }

  /** The address of the stream, as it is written in the markup; empty for none. */
  get src(): string {
    return this.getAttribute("src") ?? "";
  }

  set src(src: string) {
    this.setAttribute("src", src);
  }

  /** The swarm of the stream that plays, if there is one. */
  get swarm(): Swarm | undefined {
    return this.#swarm;
  }

  /** The swarm's counters now, if there is one. */
  stats(): SwarmStats | undefined {
    return this.#swarm?.stats();
  }

  /** Plays; loads first where `preload="none"` kept it from loading. */
  async play(): Promise<void> {
    // A browser that wants a person's deed for sound wants it here, before anything is awaited; a stream that
    // is only just put in place would cut it off, so it is said again then.
    this.video.play().catch(() => undefined);
    if (!this.#startOver.hidden) {
      this.#startOver.hidden = true;
      this.#uncover();
      this.video.focus();
      this.#beginning = this.#begin();
    }
    await this.#beginning;
    await this.video.play();
  }

  /** Pauses. */
  pause(): void {
    this.video.pause();
  }

  /** Starts the stream anew, as the markup says now. */
  load(): void {
    this.#stop();
    if (!this.isConnected || this.src === "") return;
    const waits = this.getAttribute("preload") === "none";
    this.#startOver.hidden = !waits;
    this.#uncover();
    if (!waits) this.#beginning = this.#begin();
  }

  /** The browser's: the element is in a document. */
  connectedCallback(): void {
    for (const word of DRESS) this.#dress(word);
    const tracks = [...this.querySelectorAll(":scope > track")];
    this.video.replaceChildren(...tracks.map((track) => track.cloneNode()));
    this.#loadSoon();
  }

  /** The browser's: the element left its document, or is being moved in it. */
  disconnectedCallback(): void {
    this.#loadSoon();
  }

  /** The browser's: markup changed. */
  attributeChangedCallback(word: string, before: string | null, now: string | null): void {
    if (before === now || !this.isConnected) return;
    if (DRESS.includes(word)) {
      this.#dress(word);
      return;
    }
    const update = liveOption(word, now);
    if (update === undefined || this.#swarm === undefined) {
      this.#loadSoon();
      return;
    }
    try {
      this.#swarm.update(update);
    } catch (error) {
      this.#warn(error);
    }
  }

  /** Several words change together, and a move takes an element out and puts it in again. */
  #loadSoon(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    queueMicrotask(() => {
      this.#waiting = false;
      if (this.isConnected) this.load();
      else this.#stop();
    });
  }

  /** Hands the media element a word that it understands by itself. */
  #dress(word: string): void {
    const { video } = this;
    const said = this.getAttribute(word);
    if (word === "controls") this.#uncover();
    else if (word === "label") {
      video.setAttribute("aria-label", said || "Video");
      this.#startOver.firstElementChild?.setAttribute("aria-label", said ? `Play ${said}` : "Play");
    } else if (said === null) video.removeAttribute(word);
    else video.setAttribute(word, said);
    // The attribute is only what an element begins with.
    if (word === "muted") video.muted = said !== null;
  }

  /** What lies over the picture has its own button; controls under it would be in its way. */
  #uncover(): void {
    const covered = !this.#startOver.hidden || !this.#failure.hidden;
    this.video.controls = !covered && this.getAttribute("controls") !== "off";
    // A screen reader would read out «unable to play» of a video that only waits.
    this.video.ariaHidden = covered ? "true" : null;
  }

  async #begin(): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    const current = () => turn === this.#turn;
    await this.#freed;
    if (!current()) return;
    const src = URL.canParse(this.src, document.baseURI)
      ? new URL(this.src, document.baseURI).href
      : this.src;
    const { players } = SwarmlinePlayer;
    const type = streamType(src, this.getAttribute("type"));
    const playing = await start({
      video: this.video,
      src,
      type,
      config: this.#config(type),
      players: { ...players, hlsConfig: { ...players.hlsConfig, ...this.hlsConfig } },
      onSwarm: (swarm) => this.#follow(swarm, current),
      onWarning: (code, message) => {
        if (current()) this.#tell("warning", { code, message });
      },
      stopped: () => !current(),
      onFailed: (code, message) => {
        if (current()) this.#fail(code, message);
      },
    });
    if (!current()) {
      this.#free(playing);
      return;
    }
    this.#playing = playing;
    this.#tell("ready", { player: playing.by, src });
  }

  /** The options; CDN-only where one of them is wrong. */
  #config(type: StreamType): SwarmConfig {
    const said = swarmOptions((word) => this.getAttribute(word), type);
    const config = { ...this.swarmConfig, ...said };
    try {
      readConfig(config);
      return config;
    } catch (error) {
      this.#warn(error);
      return { enabled: false };
    }
  }

  #follow(swarm: Swarm, current: () => boolean): void {
    if (current()) this.#swarm = swarm;
    for (const name of ["stats", "peer", "segment", "warning"] as const) {
      swarm.on(name, (value) => {
        if (current()) this.#tell(name, value);
      });
    }
    swarm.on("error", ({ code, message }) => {
      if (current()) this.#tell("warning", { code, message });
    });
  }

  #warn(error: unknown): void {
    if (!(error instanceof SwarmlineError)) throw error;
    this.#tell("warning", { code: error.code, message: error.message });
  }

  #fail(code: string, message: string): void {
    this.#reason.textContent = message;
    this.#failure.hidden = false;
    this.#uncover();
    this.#tell("error", { code, message });
  }

  #stop(): void {
    this.#turn += 1;
    if (this.#playing) this.#free(this.#playing);
    this.#playing = undefined;
    this.#swarm = undefined;
    this.#failure.hidden = true;
    this.#startOver.hidden = true;
  }

  #free(playing: Playing): void {
    const before = this.#freed;
    this.#freed = before.then(() => playing.stop()).catch(() => undefined);
  }

  #tell<E extends keyof SwarmlinePlayerEvents>(name: E, detail: SwarmlinePlayerEvents[E]): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function button(words: string, kind: string, act: () => void): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = kind;
  made.textContent = words;
  made.addEventListener("click", act);
  return made;
}

declare global {
  interface HTMLElementTagNameMap {
    "swarmline-player": SwarmlinePlayer;
  }
}

if (typeof customElements !== "undefined" && !customElements.get("swarmline-player")) {
  customElements.define("swarmline-player", SwarmlinePlayer);
}
