/**
 * One engine of the wasm module per stream, with the wishes and fetches under way.
 *
 * Invariant: until the engine runs, after a panic and after `close()` every call does nothing, so an
 * adapter that asks `takes` first is a plain loader, but for wishes that wait a moment for an engine. A wish
 * hears at most one of ready, failed and pass, never from inside its own `load`, and nothing after `abort`.
 * The engine hears of manifests, and with them begins to look for peers, right after the player has asked
 * for its first segment; what else is wished for waits for that.
 */

import type { FullConfig, SegmentTrack, SwarmConfig } from "./config.js";
import type { DiskCache } from "./disk-cache.js";
import type { WasmEngine, WasmEngineClass } from "./engine-module.js";
import { connectionOf } from "./ice.js";
import type { Verifies } from "./keys.js";
import type { FetchAsk, FetchSink, RunningFetch } from "./load.js";
import type { SegmentSource, SwarmStats } from "./stats.js";
import { fetchText } from "./text.js";
import type { Timing } from "./timing.js";

/** Bytes of a resource; `end` is exclusive, 0 means the whole. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** One request of the player, as an adapter hands it over. */
export interface Wish extends Range {
  readonly url: string;
  /** The bytes, the player's to keep. */
  ready(bytes: ArrayBuffer, timing: Timing, source: SegmentSource): void;
  /** HTTP failed. */
  failed(status: number, timedOut: boolean, details: unknown): void;
  /** The player's own loader must do it. */
  pass(): void;
  /** Bytes that are here. */
  progress(loaded: number, total: number): void;
  /** Fetches as the player would have. */
  fetch(ask: FetchAsk, sink: FetchSink): RunningFetch;
}

/** What an engine tells that concerns no single wish. */
export type EngineEvent =
  | { type: "peer" | "segment" | "upload" | "warning"; [member: string]: unknown }
  | { type: "panic"; message: string };

/** A stream was opened so long ago, and the player asked for no segment: the engine begins all the same. */
const BEGIN_MS = 500;
/** Wishes wait no longer than so for a module that is on its way; */
const AWAITED_MS_MAX = 400;
/** and no longer than this part of what is buffered. */
const AWAITED_PART = 10;
/** Bytes kept for adoption while the module loads; more is forgotten. */
const ADOPT_BYTES_MAX = 64 * 2 ** 20;

/** The engine of one stream, with the wishes and fetches under way. */
export class Session {
  #config: FullConfig;
  readonly #streamUrl: string;
  readonly #tell: (event: EngineEvent) => void;
  readonly #wishes = new Map<number, Wish>();
  readonly #fetches = new Map<number, RunningFetch>();
  /** Wishes that HTTP was asked for, with what it answered last. */
  readonly #details = new Map<number, unknown>();
  #engine: WasmEngine | undefined;
  /** It is time for the engine to know the stream. */
  #due = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #playing: [aheadMs: number, rate: number, moving: boolean] = [0, 1, false];
  /** Wishes wait for the engine; once. */
  #awaited: boolean | undefined;
  #over = false;
  #requests = 0;
  #latest: Wish | undefined;
  /** What manifests said before it began, by their URLs. */
  #waiting = new Map<string, (engine: WasmEngine) => void>();
  #adopted: { url: string; range: Range; bytes: Uint8Array }[] = [];
  #adoptedBytes = 0;

  /** A session for the stream at `streamUrl`; it waits for `start()`. */
  constructor(config: FullConfig, streamUrl: string, tell: (event: EngineEvent) => void) {
    this.#config = config;
    this.#streamUrl = streamUrl;
    this.#tell = tell;
    this.#beginIn(BEGIN_MS);
  }

  /** Whether there is an engine. */
  get running(): boolean {
    return this.#engine !== undefined;
  }

  /**
   * Whether wishes are taken. What the first frame is made of goes the player's own way: nobody brings it sooner. What is
   * asked for behind it waits for the engine a little, which is loaded then.
   */
  takes(): boolean {
    if (!this.#due) this.#beginIn(0);
    const [aheadMs] = this.#playing;
    if (this.running) return this.#due || aheadMs > 0;
    return !this.#over && aheadMs > 0 && this.#awaits(aheadMs);
  }

  /** Whether there is time to wait for the engine; when that is over all who waited go the player's own way. */
  #awaits(aheadMs: number): boolean {
    if (this.#awaited === undefined) {
      this.#awaited = true;
      const over = () => {
        this.#awaited = false;
        if (!this.running) this.#passAll();
      };
      setTimeout(over, Math.min(AWAITED_MS_MAX, aheadMs / AWAITED_PART));
    }
    return this.#awaited;
  }

  get #tells(): boolean {
    return this.#due && this.running;
  }

  /** Starts an engine of the module that was loaded; where a key is pinned, with who knows it; and with a disk, if there is one. */
  start(
    Engine: WasmEngineClass,
    certificates?: RTCCertificate[],
    verifies?: Verifies,
    disk?: DiskCache,
  ): void {
    if (this.#over || this.#engine !== undefined) return;
    const config = engineConfig(this.#config, this.#streamUrl, certificates);
    const kept = disk?.attach((act) => this.#call(act));
    this.#engine = new Engine(config, { ...this.#host(), verifies, ...kept });
    if (this.#due) this.begin();
  }

  #beginIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.begin(), ms);
  }

  /** Tells the engine, if it is there, all that waited for it. */
  begin(): void {
    clearTimeout(this.#timer);
    this.#due = true;
    if (!this.#tells) return;
    for (const tell of this.#waiting.values()) this.#call(tell);
    for (const { url, range, bytes } of this.#adopted) this.#give(url, range, bytes);
    this.#play();
    for (const [request, wish] of this.#wishes) this.#ask(request, wish);
    this.#waiting.clear();
    this.#adopted = [];
  }

  /** Whether the page lets a segment be shared; what its filter throws is the page's own error. */
  admits(url: string, track: SegmentTrack): boolean {
    try {
      return this.#config.segmentFilter?.(url, track) ?? true;
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
      return false;
    }
  }

  /** A playlist as the player received it. */
  manifest(url: string, text: string): void {
    this.#hear(url, (engine) => engine.manifest(url, text));
  }

  /** An MPD as the player received it. */
  mpd(url: string, text: string): void {
    this.#hear(url, (engine) => engine.mpd?.(url, text, Date.now()));
  }

  /** What may be the index of an MPD's track: bytes from `first` on. */
  index(url: string, first: number, bytes: Uint8Array): void {
    this.#hear(`${url} ${first}`, (engine) => engine.index?.(url, first, bytes));
  }

  /** Tells the engine, now or when it begins; of one name only the last. */
  #hear(name: string, tell: (engine: WasmEngine) => void): void {
    if (this.#over) return;
    if (this.#tells) this.#call(tell);
    else this.#waiting.set(name, tell);
  }

  /** Bytes that the player's own loader fetched; ours from here on. */
  adopt(url: string, range: Range, bytes: Uint8Array): void {
    if (this.#over) return;
    if (this.#tells) {
      this.#give(url, range, bytes);
    } else if (this.#adoptedBytes + bytes.length <= ADOPT_BYTES_MAX) {
      this.#adoptedBytes += bytes.length;
      this.#adopted.push({ url, range, bytes });
    }
  }

  #give(url: string, range: Range, bytes: Uint8Array): void {
    this.#call((engine) => engine.adopt(url, range.start, range.end, bytes));
  }

  /** Milliseconds buffered ahead of the playhead. */
  playback(aheadMs: number, rate: number, moving: boolean): void {
    this.#playing = [aheadMs, rate, moving];
    if (this.#tells) this.#play();
  }

  #play(): void {
    this.#call((engine) => engine.playback(...this.#playing));
  }

  /** Takes a wish; its number is for `abort`. */
  load(wish: Wish): number {
    this.#requests += 1;
    const request = this.#requests;
    this.#wishes.set(request, wish);
    this.#latest = wish;
    if (this.#tells) this.#ask(request, wish);
    return request;
  }

  #ask(request: number, { url, start, end }: Wish): void {
    this.#call((engine) => engine.load(request, url, start, end, true));
  }

  /** The player no longer wants it. */
  abort(request: number): void {
    this.#details.delete(request);
    if (this.#wishes.delete(request) && this.#due) this.#call((engine) => engine.abort(request));
  }

  /** Changed settings, also for an engine that is still to come. */
  update(update: SwarmConfig): void {
    this.#config = { ...this.#config, ...update };
    this.#call((engine) => engine.update(update));
  }

  /** The engine's counters. */
  stats(): Partial<SwarmStats> {
    let stats: Partial<SwarmStats> | undefined;
    this.#call((engine) => {
      stats = engine.stats() as Partial<SwarmStats> | undefined;
    });
    return stats ?? {};
  }

  /** Leaves the swarm. Wishes under way go to the player's own loader. */
  close(): void {
    if (this.#over) return;
    this.#call((engine) => engine.shutdown());
    this.#end();
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#engine = undefined;
    this.#latest = undefined;
    this.#waiting.clear();
    this.#adopted = [];
    for (const fetch of this.#fetches.values()) fetch.stop();
    this.#fetches.clear();
    this.#details.clear();
    this.#passAll();
  }

  #passAll(): void {
    for (const request of this.#wishes.keys()) this.#settle(request, (wish) => wish.pass());
  }

  /** Calls the engine; whatever it throws ends it. */
  #call(act: (engine: WasmEngine) => void): void {
    if (this.#engine === undefined) return;
    try {
      act(this.#engine);
    } catch (error) {
      this.#onPanic(error instanceof Error ? error.message : String(error));
    }
  }

  #onPanic(message: string): void {
    const engine = this.#engine;
    if (engine === undefined) return;
    this.#end();
    this.#tell({ type: "panic", message });
    // Later: the engine may be in the middle of the call that panicked.
    setTimeout(() => {
      try {
        engine.shutdown();
      } catch {
        // Nothing is left to be closed by it.
      }
    }, 0);
  }

  /** Lets a wish hear its one answer, outside of whatever is running now. */
  #settle(request: number, answer: (wish: Wish) => void): void {
    queueMicrotask(() => {
      const wish = this.#wishes.get(request);
      this.#wishes.delete(request);
      this.#details.delete(request);
      if (wish !== undefined) answer(wish);
    });
  }

  /** What the engine calls. */
  #host(): object {
    return {
      ready: (
        request: number,
        bytes: ArrayBuffer,
        firstByteMs: number,
        transferMs: number,
        source: SegmentSource,
      ) => this.#settle(request, (wish) => wish.ready(bytes, { firstByteMs, transferMs }, source)),
      failed: (request: number, status: number, timedOut: boolean) => {
        // A failure that HTTP had no part in is not for the player to see.
        const asked = this.#details.has(request);
        const details = this.#details.get(request);
        this.#settle(request, (wish) =>
          asked ? wish.failed(status, timedOut, details) : wish.pass(),
        );
      },
      pass: (request: number) => this.#settle(request, (wish) => wish.pass()),
      progress: (request: number, loaded: number, total: number) =>
        this.#wishes.get(request)?.progress(loaded, total),
      startFetch: (fetch: number, request: number, url: string, start: number, end: number) =>
        this.#startFetch(fetch, request, { url, start, end }),
      stopFetch: (fetch: number) => {
        this.#fetches.get(fetch)?.stop();
        this.#fetches.delete(fetch);
      },
      fetchText: (text: number, url: string) => this.#fetchText(text, url),
      prove: async (words: string, ...views: [Uint8Array, Uint8Array]) => {
        // The engine's memory moves on.
        const [room, message] = views.map((view) => view.slice()) as typeof views;
        const { prove } = await import("./keys.js");
        return prove(words, room, message);
      },
      event: (event: EngineEvent) => {
        if (event.type === "panic") this.#onPanic(event.message);
        else this.#tell(event);
      },
    };
  }

  #startFetch(fetch: number, request: number, ask: FetchAsk): void {
    // A request may be gone while its bytes are still wanted by peers: the latest one's headers do.
    const wish = this.#wishes.get(request) ?? this.#latest;
    if (wish === undefined) {
      this.#call((engine) => engine.fetchFailed(fetch, 0, false));
      return;
    }
    if (this.#wishes.has(request)) this.#details.set(request, null);
    const sink: FetchSink = {
      head: (status, length, partial) =>
        this.#call((engine) => engine.fetchHead(fetch, status, length ?? -1, partial)),
      body: (bytes) => this.#call((engine) => engine.fetchBody(fetch, bytes)),
      done: () => {
        this.#fetches.delete(fetch);
        this.#call((engine) => engine.fetchDone(fetch));
      },
      failed: (status, timedOut, details) => {
        this.#fetches.delete(fetch);
        if (this.#details.has(request)) this.#details.set(request, details ?? null);
        this.#call((engine) => engine.fetchFailed(fetch, status, timedOut));
      },
    };
    this.#fetches.set(fetch, wish.fetch(ask, sink));
  }

  /** The engine gives texts and fetches numbers of one row. */
  #fetchText(text: number, url: string): void {
    const running = fetchText(url, {
      ready: (from, body) => {
        this.#fetches.delete(text);
        this.#call((engine) => engine.textReady(text, from, body));
      },
      failed: (status) => {
        this.#fetches.delete(text);
        this.#call((engine) => engine.textFailed(text, status));
      },
    });
    this.#fetches.set(text, running);
  }
}

/** A URL of the page's, absolute. */
function absolute(url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  const base = typeof document === "undefined" ? location.href : document.baseURI;
  return new URL(url, base).href;
}

/** The engine's settings: its own names, and WebRTC's servers. */
function engineConfig(
  config: FullConfig,
  streamUrl: string,
  certificates: RTCCertificate[] | undefined,
): object {
  const { integrity } = config;
  return {
    enabled: config.enabled,
    maxPeers: config.maxPeers,
    segmentTimeout: config.segmentTimeout,
    cdnFallbackDelay: config.cdnFallbackDelay,
    uploadLimit: config.uploadLimit,
    trackerUrls: [...config.trackerUrls],
    joinToken: config.joinToken,
    swarmId: config.swarmId ?? streamName(streamUrl),
    integrity: typeof integrity === "string" ? integrity : (integrity.mode ?? "prefer"),
    manifestUrl: typeof integrity === "string" ? undefined : absolute(integrity.manifestUrl),
    publicKey: config.publicKey,
    memoryLimitBytes: config.memoryLimitBytes,
    webRtc: true,
    connection: { ...connectionOf(config), certificates },
  };
}

/** A stream's name for all its viewers: the manifest's URL without query, as the page asked for it. */
function streamName(url: string): string {
  return url.replace(/[?#].*$/s, "");
}
