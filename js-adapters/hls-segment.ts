/**
 * The loader that hls.js builds for each fragment: hands media segments to the engine and everything
 * else to the loader that was there before, untouched.
 *
 * Invariant (hls.js's contract): `stats` is there from the start and never replaced; at most one
 * terminal callback, as the last statement; `aborted` is set before `onAbort`; silence after
 * `destroy()`. The loader before gives its own `stats`, so what it does alone looks as it always did.
 */

import type {
  FragmentLoaderContext,
  HlsConfig,
  Loader,
  LoaderCallbacks,
  LoaderConfiguration,
  LoaderStats,
} from "hls.js";
import type { Session } from "./engine.js";
import { loaderFetch } from "./hls-fetch.js";
import { type FetchAsk, type FetchSink, type RunningFetch, streamFetch } from "./load.js";
import { advance, begin, finish, type Timing } from "./timing.js";

type SegmentLoader = Loader<FragmentLoaderContext>;
type Callbacks = LoaderCallbacks<FragmentLoaderContext>;
type LoaderClass = new (config: HlsConfig) => SegmentLoader;

/** What a loader needs to know of its player. */
export interface LoaderPlan {
  /** The stream's session, while there is one that may be asked. */
  readonly session: () => Session | undefined;
  /** The page's own class, if it has one. */
  readonly own: LoaderClass | undefined;
  /** The class that hls.js comes with. */
  readonly standard: unknown;
  /** Tells the engine how much is buffered. */
  readonly report: () => void;
}

/** A loader class for `hls.config.fLoader`. */
export function segmentLoader(plan: LoaderPlan): LoaderClass {
  return class extends SwarmSegmentLoader {
    constructor(config: HlsConfig) {
      super(config, plan);
    }
  };
}

/** One load of one fragment. */
class SwarmSegmentLoader implements SegmentLoader {
  context: FragmentLoaderContext | null = null;
  readonly stats: LoaderStats;
  readonly #plan: LoaderPlan;
  readonly #make: () => SegmentLoader;
  /** Whether the page has nothing of its own between it and the network. */
  readonly #plain: boolean;
  readonly #inner: SegmentLoader;
  #session: Session | undefined;
  #request = 0;
  #callbacks: Callbacks | undefined;
  #config: LoaderConfiguration | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The inner loader does it. */
  #passed = false;
  /** A terminal callback was called, or none ever will be. */
  #over = false;

  constructor(config: HlsConfig, plan: LoaderPlan) {
    const Inner = plan.own ?? (config.loader as unknown as LoaderClass);
    this.#plan = plan;
    this.#make = () => new Inner(config);
    this.#plain = Inner === plan.standard && !config.xhrSetup && !config.cmcd;
    this.#inner = this.#make();
    this.stats = this.#inner.stats;
  }

  load(context: FragmentLoaderContext, config: LoaderConfiguration, callbacks: Callbacks): void {
    this.context = context;
    this.#config = config;
    this.#callbacks = callbacks;
    const asked = isMedia(context) ? this.#plan.session() : undefined;
    const track = context.frag.type === "audio" ? "audio" : "video";
    const session = asked?.admits(context.url, track) ? asked : undefined;
    this.#plan.report();
    if (session?.takes() !== true) {
      this.#pass(session);
      return;
    }
    this.#session = session;
    begin(this.stats);
    const { maxLoadTimeMs } = config.loadPolicy;
    if (Number.isFinite(maxLoadTimeMs)) {
      this.#timer = setTimeout(() => this.#onFailed(0, true, null), maxLoadTimeMs);
    }
    this.#request = session.load({
      url: context.url,
      start: context.rangeStart ?? 0,
      end: context.rangeEnd ?? 0,
      ready: (bytes, timing) => this.#onReady(bytes, timing),
      failed: (status, timedOut, details) => this.#onFailed(status, timedOut, details),
      pass: () => this.#pass(undefined),
      progress: (loaded, total) => advance(this.stats, loaded, total),
      fetch: (ask, sink) => this.#fetch(ask, sink),
    });
  }

  /** The inner loader does it all; the session may keep a copy of what it brings. */
  #pass(adopter: Session | undefined): void {
    const { context, stats } = this;
    const [config, callbacks] = [this.#config, this.#callbacks];
    if (this.#over || context === null || config === undefined || callbacks === undefined) return;
    clearTimeout(this.#timer);
    this.#passed = true;
    // It takes the time itself, and refuses to be used twice.
    stats.loading.start = 0;
    if (adopter === undefined) {
      this.#inner.load(context, config, callbacks);
      return;
    }
    this.#inner.load(context, config, {
      ...callbacks,
      onSuccess: (response, stats, context, details) => {
        const { data } = response;
        // Copied before the hand-over: the player's worker may detach it. What went through
        // onProgress in parts is not here any more.
        if (
          data instanceof ArrayBuffer &&
          data.byteLength > 0 &&
          data.byteLength === stats.loaded
        ) {
          const range = { start: context.rangeStart ?? 0, end: context.rangeEnd ?? 0 };
          adopter.adopt(context.url, range, new Uint8Array(data.slice(0)));
        }
        callbacks.onSuccess(response, stats, context, details);
      },
    });
  }

  #fetch(ask: FetchAsk, sink: FetchSink): RunningFetch {
    const { context } = this;
    const config = this.#config;
    if (context === null || config === undefined) return { stop: () => undefined };
    if (!this.#plain) {
      const counted = (loaded: number, total: number) => advance(this.stats, loaded, total);
      return loaderFetch(ask, { make: this.#make, context, config, counted }, sink);
    }
    const { maxTimeToFirstByteMs, maxLoadTimeMs } = config.loadPolicy;
    const policy = {
      headers: context.headers,
      firstByteMs: maxTimeToFirstByteMs,
      loadMs: maxLoadTimeMs,
    };
    return streamFetch(ask, policy, sink);
  }

  #onReady(data: ArrayBuffer, timing: Timing): void {
    const { context, stats } = this;
    const callbacks = this.#callbacks;
    if (this.#over || context === null || callbacks === undefined) return;
    this.#end();
    finish(stats, data.byteLength, timing);
    // Defined only in progressive mode, where the success payload is not parsed: every byte must
    // have gone through it once.
    callbacks.onProgress?.(stats, context, data, null);
    if (this.#callbacks === undefined) return; // destroyed meanwhile
    callbacks.onSuccess({ url: context.url, data, code: 200 }, stats, context, null);
  }

  #onFailed(status: number, timedOut: boolean, details: unknown): void {
    const { context, stats } = this;
    const callbacks = this.#callbacks;
    if (this.#over || context === null || callbacks === undefined) return;
    this.#end();
    const network = (details ?? null) as Response | XMLHttpRequest | null;
    if (timedOut) {
      callbacks.onTimeout(stats, context, network);
    } else {
      const text = network?.statusText ?? "";
      callbacks.onError({ code: status, text }, context, network, stats);
    }
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#session?.abort(this.#request);
  }

  abort(): void {
    if (this.#passed) {
      this.#inner.abort();
      return;
    }
    const { context, stats } = this;
    const callbacks = this.#callbacks;
    if (!this.#over) stats.aborted = true;
    const silent = this.#over;
    this.#end();
    if (!silent && context !== null) callbacks?.onAbort?.(stats, context, null);
  }

  destroy(): void {
    this.#end();
    this.#callbacks = undefined;
    this.context = null;
    this.#inner.destroy();
  }

  getCacheAge(): number | null {
    return this.#passed ? (this.#inner.getCacheAge?.() ?? null) : null;
  }

  getResponseHeader(name: string): string | null {
    return this.#passed ? (this.#inner.getResponseHeader?.(name) ?? null) : null;
  }
}

/** Media segments only: no initialisation, no low-latency part, no subtitle, and not a range that was
 * shifted for a cipher (`resetIV`: initialisation segments). */
function isMedia(context: FragmentLoaderContext): boolean {
  const { frag, part, resetIV } = context;
  return (
    typeof frag.sn === "number" && part === null && resetIV !== true && frag.type !== "subtitle"
  );
}
