/**
 * A swarm as a page holds it: its config, its listeners, and the one stream it serves at a time.
 *
 * Invariant: nothing here throws for a missing network, module or browser feature; the swarm is then
 * `off` or `failed` and its adapter a plain loader.
 */

import { Allowance, type Bar } from "./allowance.js";
import { type FullConfig, readConfig, readUpdate, type SwarmConfig } from "./config.js";
import type { Diagnosis } from "./diagnose.js";
import type { DiskCache } from "./disk-cache.js";
import { type EngineEvent, Session } from "./engine.js";
import type { EngineModule } from "./engine-module.js";
import { SwarmlineError } from "./errors.js";
import { History } from "./history.js";
import { certificates } from "./ice.js";
import type { Verifies } from "./keys.js";
import type { PlaybackSink } from "./playback.js";
import {
  emptyStats,
  type PeerEvent,
  type SegmentEvent,
  type SwarmEvents,
  type SwarmStats,
  type UploadEvent,
  type WarningEvent,
} from "./stats.js";

/** Viewers of one stream, seen from one player. */
export interface Swarm {
  /** Listens; the returned function stops listening. */
  on<E extends keyof SwarmEvents>(event: E, listener: (value: SwarmEvents[E]) => void): () => void;
  /** The counters now. */
  stats(): SwarmStats;
  /** Says why there is little from peers, or that there is much; takes up to three seconds. */
  diagnose(): Promise<Diagnosis>;
  /** Changes options while playing; throws `not-changeable` for the others. */
  update(update: SwarmConfig): void;
  /** Leaves the swarm and detaches from the player, which plays on by itself. */
  destroy(): void;
  [Symbol.dispose](): void;
}

/** Where adapters find a swarm's inner side, also across two copies of this package. */
const PORT: unique symbol = Symbol.for("swarmline.port.1");

/** The inner side: what an adapter uses. */
export interface Port extends PlaybackSink {
  /** The stream's session, while there is one. */
  readonly session: Session | undefined;
  /**
   * Ties the swarm to one player, whose adapter says which engine it needs; `detach` is called by `destroy()`.
   * Throws `already-attached`.
   */
  attach(engine: EngineModule, detach: () => void): void;
  /** The player let go. */
  release(): void;
  /** The player begins a stream: leave the last swarm, join the next. */
  open(streamUrl: string): void;
  /** A playlist of the stream, as the player received it; kept while the engine is not there yet. */
  manifest(url: string, text: string): void;
  /** An MPD of the stream, likewise. */
  mpd(url: string, text: string): void;
  /** What may be the index of an MPD's track, likewise: bytes from `first` on. */
  index(url: string, first: number, bytes: Uint8Array): void;
  /** The stream is over. */
  close(): void;
}

type Listener = (value: never) => void;

const STATS_EVERY_MS = 1000;
/** Longest that the module waits for a first frame: where there is none by then, peers may have what is missing. */
const HELD_MS_MAX = 5_000;

/** The one implementation of `Swarm`. */
class SwarmCore implements Swarm, Port {
  readonly #listeners = new Map<keyof SwarmEvents, Set<Listener>>();
  #config: FullConfig;
  #detach: (() => void) | undefined;
  #engine: EngineModule | undefined;
  #session: Session | undefined;
  #destroyed = false;
  #failed = false;
  readonly #supported: boolean;
  #warned = false;
  /** The viewer's word: not asked for, awaited, or given. */
  #consent: "unasked" | "asked" | "given";
  #allowance: Allowance | undefined;
  #disk: Promise<{ cache: DiskCache; engine: EngineModule }> | undefined;
  /** The upload limit that the session was told. */
  #limit: number;
  /** The module waits for the first frame, but not for ever. */
  #held: ReturnType<typeof setTimeout> | undefined;
  #ticking: ReturnType<typeof setInterval> | undefined;
  #openedAt = 0;
  #startupMs: number | null = null;
  #stallMs = 0;
  readonly #history = new History();

  constructor(config: SwarmConfig) {
    this.#config = readConfig(config);
    this.#supported = canConnect();
    this.#consent = this.#config.onConsent === undefined ? "given" : "unasked";
    this.#limit = this.#config.uploadLimit;
    Object.defineProperty(this, PORT, { value: this });
  }

  get session(): Session | undefined {
    return this.#usable ? this.#session : undefined;
  }

  /** The page wants it, and it can be; whether the viewer does is another question. */
  get #wanted(): boolean {
    return this.#config.enabled && this.#supported && !this.#destroyed && !this.#failed;
  }

  get #usable(): boolean {
    return this.#wanted && this.#consent === "given";
  }

  on<E extends keyof SwarmEvents>(event: E, listener: (value: SwarmEvents[E]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set<Listener>();
    this.#listeners.set(event, listeners);
    // A wrapper of its own, so that one function may listen twice.
    const heard: Listener = (value) => listener(value);
    listeners.add(heard);
    this.#tick();
    return () => {
      listeners.delete(heard);
      this.#tick();
    };
  }

  stats(): SwarmStats {
    return {
      ...emptyStats(),
      ...this.#session?.stats(),
      state: this.#state(),
      startupMs: this.#startupMs,
      stallMs: this.#stallMs,
      wasmMemoryBytes: this.#engine?.memoryBytes ?? 0,
    };
  }

  async diagnose(): Promise<Diagnosis> {
    const { diagnose } = await import("./diagnose.js");
    const silent = this.#consent === "given" ? this.#bar : "consent";
    const disk = await this.#disk?.catch(() => undefined);
    return diagnose(this.#config, () => this.stats(), this.#history, silent, disk?.cache.told);
  }

  #state(): SwarmStats["state"] {
    if (this.#failed) return "failed";
    if (!this.#usable) return "off";
    return this.#session?.running === true ? "running" : "loading";
  }

  update(update: SwarmConfig): void {
    const checked = readUpdate(update);
    if (this.#destroyed) return;
    this.#config = { ...this.#config, ...checked };
    const { uploadLimit, ...rest } = checked;
    this.#session?.update(rest);
    this.#heed();
    this.#load();
  }

  get #bar(): Bar | undefined {
    return this.#allowance?.bar(this.#config);
  }

  /** Tells the session what may be sent, where that has changed. */
  #heed(): void {
    const uploadLimit = this.#bar === undefined ? this.#config.uploadLimit : 0;
    if (uploadLimit === this.#limit) return;
    this.#limit = uploadLimit;
    this.#session?.update({ uploadLimit });
  }

  /** Asks the viewer, once; what the page's hook throws is the page's own error, and no leave. */
  async #ask(): Promise<void> {
    this.#consent = "asked";
    if ((await this.#config.onConsent?.()) !== true) return;
    this.#consent = "given";
    this.#load();
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#allowance?.end();
    this.#detach?.();
    this.close();
    this.#listeners.clear();
    this.#tick();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  attach(engine: EngineModule, detach: () => void): void {
    if (this.#destroyed) {
      throw new SwarmlineError("destroyed", "this swarm was destroyed; create a new one");
    }
    if (this.#detach !== undefined) {
      const message = "this swarm serves a player already; create one swarm for each player";
      throw new SwarmlineError("already-attached", message);
    }
    this.#detach = detach;
    this.#engine = engine;
    // The first frame is worth more than a second segment from peers. A module that is there costs it nothing.
    if (engine.memoryBytes === 0) this.#held = setTimeout(() => this.#letLoad(), HELD_MS_MAX);
    this.#load();
    if (!this.#supported && !this.#warned && typeof document !== "undefined") {
      this.#warned = true;
      const message = "this browser has no WebRTC or WebAssembly: segments come from the CDN only";
      queueMicrotask(() => this.#emit("warning", { code: "no-webrtc", message }));
    }
  }

  release(): void {
    this.#unhold();
    this.#detach = undefined;
    this.close();
  }

  open(streamUrl: string): void {
    this.close();
    this.#openedAt = performance.now();
    this.#startupMs = null;
    this.#stallMs = 0;
    if (this.#destroyed || !this.#supported || this.#failed) return;
    const config = { ...this.#config, uploadLimit: this.#limit };
    this.#session = new Session(config, streamUrl, (event) => this.#hear(event));
    this.#load();
  }

  manifest(url: string, text: string): void {
    this.#session?.manifest(url, text);
  }

  mpd(url: string, text: string): void {
    this.#session?.mpd(url, text);
  }

  index(url: string, first: number, bytes: Uint8Array): void {
    this.#session?.index(url, first, bytes);
  }

  close(): void {
    this.#session?.close();
    this.#session = undefined;
  }

  playback(aheadMs: number, rate: number, moving: boolean): void {
    this.session?.playback(aheadMs, rate, moving);
  }

  started(): void {
    this.#letLoad();
    this.#startupMs ??= performance.now() - this.#openedAt;
  }

  stalled(ms: number): void {
    this.#stallMs += ms;
  }

  #letLoad(): void {
    if (this.#unhold()) this.#load();
  }

  /** Whether the module was waiting; now it is not. */
  #unhold(): boolean {
    const held = this.#held;
    clearTimeout(held);
    this.#held = undefined;
    return held !== undefined;
  }

  /** Loads the module, unless it is to wait for the first frame, then starts what waits for it. */
  #load(): void {
    if (!this.#wanted || this.#engine === undefined || this.#held !== undefined) return;
    if (this.#consent === "unasked") void this.#ask();
    if (!this.#usable) return;
    const { wasm, publicKey, diskCache } = this.#config;
    if (diskCache !== false) {
      this.#disk ??= import("./disk.js").then(({ DiskCache, diskEngine }) => ({
        cache: new DiskCache(diskCache),
        engine: diskEngine,
      }));
    }
    const adapters = this.#engine;
    const engine = Promise.resolve(this.#disk).then((disk) => {
      this.#engine = disk?.engine ?? adapters;
      return this.#engine.load(wasm);
    });
    this.#allow();
    Promise.all([engine, certificates(), verifier(publicKey), this.#disk])
      .then(([Engine, made, verifies, disk]) => {
        if (this.#usable) this.#session?.start(Engine, made, verifies, disk?.cache);
      })
      .catch((error: unknown) => {
        const message =
          "a part of the package could not be loaded or started; playback goes on without peers";
        const known = error instanceof SwarmlineError;
        this.#fail(known ? error : new SwarmlineError("wasm-failed", message, undefined, error));
      });
  }

  /** What may be sent is known before anything could be. */
  #allow(): void {
    this.#allowance ??= new Allowance(
      () => this.#heed(),
      () => this.#rejoin(),
    );
    this.#heed();
  }

  /** Sockets and links of a network that was gone are dead, but would be found so only one by one. */
  #rejoin(): void {
    if (!this.#usable) return;
    for (const enabled of [false, true]) this.#session?.update({ enabled });
  }

  #fail(error: SwarmlineError): void {
    if (this.#failed || this.#destroyed) return;
    this.#failed = true;
    this.#session?.close();
    this.#history.complaint(error);
    this.#emit("error", error);
  }

  #hear(event: EngineEvent): void {
    if (event.type === "panic") {
      const message = `the engine stopped (${event.message}); playback goes on without peers`;
      this.#fail(new SwarmlineError("engine-panic", message));
      return;
    }
    const { type, ...value } = event;
    if (type === "upload") this.#allowance?.spend((value as unknown as UploadEvent).bytes);
    if (type === "peer") this.#history.peer(value as unknown as PeerEvent);
    else if (type === "segment") this.#history.segment(value as unknown as SegmentEvent);
    else if (type === "warning") this.#history.complaint(value as unknown as WarningEvent);
    this.#emit(type, value as never);
  }

  #emit<E extends keyof SwarmEvents>(event: E, value: SwarmEvents[E]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        (listener as (value: SwarmEvents[E]) => void)(value);
      } catch (error) {
        // The page's own error: it belongs to the page's error handler, not into our loop.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Runs the clock of `stats` events only while someone listens. */
  #tick(): void {
    const wanted = (this.#listeners.get("stats")?.size ?? 0) > 0;
    if (wanted && this.#ticking === undefined) {
      this.#ticking = setInterval(() => this.#emit("stats", this.stats()), STATS_EVERY_MS);
    } else if (!wanted) {
      clearInterval(this.#ticking);
      this.#ticking = undefined;
    }
  }
}

/** Who knows a pinned key; most pages pin none, and never load that. */
async function verifier(publicKey: string | undefined): Promise<Verifies | undefined> {
  if (publicKey === undefined) return undefined;
  const keys = import("./keys.js").then(({ pin }) => pin(publicKey));
  const verifies = await keys.catch((error: unknown) => {
    const message =
      "the module that checks signatures (keys.js) could not be loaded; playback goes on without peers";
    throw new SwarmlineError("wasm-failed", message, "publicKey", error);
  });
  if (verifies !== undefined) return verifies;
  const message = `${publicKey} is no Ed25519 public key; playback goes on without peers`;
  throw new SwarmlineError("invalid-public-key", message, "publicKey");
}

/**
 * Makes a swarm for one player. Synchronous; never throws for a missing network, module or browser
 * feature.
 *
 * @throws SwarmlineError when an option is wrong; its `code` is stable, its `field` names the option.
 */
export function createSwarm(config: SwarmConfig = {}): Swarm {
  return new SwarmCore(config);
}

/** A swarm's inner side; throws for anything that is no swarm of ours. */
export function portOf(swarm: Swarm): Port {
  const port = (swarm as Partial<Record<typeof PORT, Port>> | null | undefined)?.[PORT];
  if (port === undefined) {
    throw new SwarmlineError("invalid-swarm", "the first argument must come from createSwarm()");
  }
  return port;
}

function canConnect(): boolean {
  return (
    typeof RTCPeerConnection === "function" &&
    typeof WebSocket === "function" &&
    typeof WebAssembly === "object"
  );
}
