/**
 * One viewer: a video element, its hls.js and its swarm, wired as the README shows. It also keeps
 * what the page draws of it (`ViewerState`). It decides nothing about peers or sources.
 */
import type HlsClass from "hls.js";
import type { ErrorData } from "hls.js";
import { createSwarm, type Diagnosis, type SegmentSource, type Swarm, type SwarmStats } from "swarmline";
import { attachHls } from "swarmline/hls";
import { element } from "./dom.js";
import { type Settings, swarmConfig } from "./settings.js";

/** One segment as one viewer got it. */
export interface Piece {
  track: string;
  number: number;
  url: string;
  source: SegmentSource;
  bytes: number;
  peerBytes: number;
  /** Taken from the CDN, over all times that the player asked for it. */
  cdnBytes: number;
  elapsedMs: number;
  senders: string[];
}

/** Bytes along one link, in one direction. */
export interface Flow {
  peer: string;
  bytes: number;
  rate: number;
}

/** What is drawn of a viewer, in this tab or another. Plain data: it travels between tabs. */
export interface ViewerState {
  key: string;
  label: number;
  joinedAt: number;
  peerId: string;
  swarm: string;
  /** `failed` and `off`: a plain player. */
  engine: SwarmStats["state"];
  cdnBytes: number;
  cdnRate: number;
  peerBytes: number;
  uploadedBytes: number;
  from: Flow[];
  to: Flow[];
  pieces: Piece[];
  startupMs: number | null;
  firstPeerMs: number | null;
  stallMs: number;
  /** The player holds the stream from its first second to its last. */
  whole: boolean;
}

/** What a viewer tells the page. */
export interface ViewerListener {
  /** Something worth a person's attention. */
  onWarning(message: string): void;
  /** The player gave up on an address, for now. */
  onFailure(reason: string, url: string): void;
  /** A segment came, so whatever failed works again. */
  onSegment(): void;
}

const PIECES_KEPT = 90;
const RATE_WINDOW_S = 5;
const RETRY_MS = 2000;
/** Seconds ahead; hls.js's default would hold the short film before anybody looked. */
const FILM_BUFFER = { maxBufferLength: 16, maxMaxBufferLength: 16 };

/** A rate that follows its counter over a few seconds: a picture that flickers says nothing. */
class Meter {
  #bytes = 0;
  rate = 0;

  update(bytes: number, elapsedS: number): number {
    const now = Math.max(0, bytes - this.#bytes) / elapsedS;
    this.#bytes = bytes;
    this.rate += (now - this.rate) * (1 - Math.exp(-elapsedS / RATE_WINDOW_S));
    return this.rate;
  }
}

/** hls.js's UMD build, which the page loads by a script tag, puts its class here. */
function hlsClass(): typeof HlsClass | undefined {
  return (globalThis as { Hls?: typeof HlsClass }).Hls;
}

/** One player with its swarm. */
export class Viewer {
  readonly box: HTMLElement = element("figure", "viewer");
  readonly state: ViewerState;
  readonly #video = element("video");
  readonly #badge = element("figcaption", "badge");
  readonly #listener: ViewerListener;
  readonly #meters = new Map<string, Meter>();
  #swarm: Swarm | null = null;
  #hls: HlsClass | null = null;
  #retry = 0;
  #lastTick = performance.now();

  constructor(label: number, listener: ViewerListener) {
    this.#listener = listener;
    this.state = {
      key: crypto.getRandomValues(new Uint32Array(2)).join("-"),
      label,
      joinedAt: Date.now(),
      peerId: "",
      swarm: "",
      engine: "loading",
      cdnBytes: 0,
      cdnRate: 0,
      peerBytes: 0,
      uploadedBytes: 0,
      from: [],
      to: [],
      pieces: [],
      startupMs: null,
      firstPeerMs: null,
      stallMs: 0,
      whole: false,
    };
    this.#video.muted = true;
    this.#video.controls = true;
    this.#video.playsInline = true;
    this.box.append(this.#video, this.#badge);
    this.rename(label);
  }

  /** Joins the swarm of a stream and plays it. */
  play(url: string, settings: Settings, loop: boolean): void {
    const Hls = hlsClass();
    this.#video.loop = loop;
    if (!Hls?.isSupported()) {
      this.#video.src = url;
      this.#listener.onWarning(
        "This browser plays HLS by itself, without Media Source Extensions: everything comes from the CDN.",
      );
    } else {
      this.#swarm = createSwarm(swarmConfig(settings));
      this.#watch(this.#swarm);
      this.#hls = new Hls(loop ? FILM_BUFFER : {});
      attachHls(this.#swarm, this.#hls);
      this.#hls.on(Hls.Events.ERROR, (_, data) => this.#onError(data));
      this.#hls.loadSource(url);
      this.#hls.attachMedia(this.#video);
    }
    // By method, not by attribute: a browser may pause what `autoplay` started out of sight.
    this.#video.play().catch(() => undefined);
  }

  /** Gives the viewer another number. */
  rename(label: number): void {
    this.state.label = label;
    this.#badge.textContent = `Viewer ${label}`;
    this.#video.setAttribute("aria-label", `Video of viewer ${label}`);
  }

  /** Applies what may change while playing. */
  update(settings: Settings): void {
    this.#swarm?.update({
      maxPeers: settings.maxPeers,
      cdnFallbackDelay: settings.cdnFallbackDelay,
      uploadLimit: settings.uploadLimit ?? Number.POSITIVE_INFINITY,
    });
  }

  /** Reads the swarm's counters; call about once a second. */
  tick(): void {
    const now = performance.now();
    const elapsedS = Math.max(0.05, (now - this.#lastTick) / 1000);
    this.#lastTick = now;
    if (this.#swarm) this.#read(this.#swarm.stats(), elapsedS);
    const { buffered, duration } = this.#video;
    this.state.whole =
      buffered.length === 1 && buffered.start(0) < 0.5 && buffered.end(0) > duration - 0.5;
  }

  /** Leaves the swarm and frees the player. */
  destroy(): void {
    clearTimeout(this.#retry);
    this.#swarm?.destroy();
    this.#hls?.destroy();
    this.#video.removeAttribute("src");
    this.box.remove();
  }

  /** What its swarm says of itself; `undefined` while it has none. */
  diagnose(): Promise<Diagnosis> | undefined {
    return this.#swarm?.diagnose();
  }

  #watch(swarm: Swarm): void {
    swarm.on("segment", (segment) => {
      const { track, number, url, source, bytes, peerBytes, elapsedMs } = segment;
      const senders = segment.senders.map((sender) => sender.peer);
      const pieces = this.state.pieces;
      const before = pieces.findIndex((p) => p.number === number && p.track === track);
      const earlier = before < 0 ? undefined : pieces.splice(before, 1)[0];
      const taken = source === "cache" ? 0 : bytes - peerBytes;
      const cdnBytes = taken + (earlier?.cdnBytes ?? 0);
      pieces.push({ track, number, url, source, bytes, peerBytes, cdnBytes, elapsedMs, senders });
      if (pieces.length > PIECES_KEPT) pieces.shift();
      this.#listener.onSegment();
    });
    swarm.on("warning", (warning) => this.#listener.onWarning(warning.message));
    swarm.on("error", (error) => this.#listener.onWarning(error.message));
  }

  #read(stats: SwarmStats, elapsedS: number): void {
    const state = this.state;
    state.peerId = stats.peerId;
    state.swarm = stats.infoHash;
    state.engine = stats.state;
    state.cdnBytes = stats.cdnBytes;
    state.cdnRate = this.#rate("cdn", stats.cdnBytes, elapsedS);
    state.peerBytes = stats.peerBytes;
    state.uploadedBytes = stats.uploadedBytes;
    state.startupMs = stats.startupMs ?? null;
    state.firstPeerMs = stats.firstPeerMs ?? null;
    state.stallMs = stats.stallMs;
    state.from = [];
    state.to = [];
    for (const { id: peer, receivedBytes, sentBytes } of stats.peers) {
      const received = this.#rate(`from ${peer}`, receivedBytes, elapsedS);
      state.from.push({ peer, bytes: receivedBytes, rate: received });
      const sent = this.#rate(`to ${peer}`, sentBytes, elapsedS);
      state.to.push({ peer, bytes: sentBytes, rate: sent });
    }
  }

  #rate(what: string, bytes: number, elapsedS: number): number {
    const meter = this.#meters.get(what) ?? new Meter();
    this.#meters.set(what, meter);
    return meter.update(bytes, elapsedS);
  }

  /** A network error that hls.js gives up on is tried again: the demo breaks its own CDN. */
  #onError(data: ErrorData): void {
    const hls = this.#hls;
    if (!hls || !data.fatal) return;
    if (data.type === "mediaError") {
      hls.recoverMediaError();
      return;
    }
    const url = data.context?.url ?? data.frag?.url ?? data.url ?? "";
    this.#listener.onFailure(data.details, url);
    clearTimeout(this.#retry);
    if (hls.levels.length === 0) return;
    this.#retry = window.setTimeout(() => hls.startLoad(), RETRY_MS);
  }
}
