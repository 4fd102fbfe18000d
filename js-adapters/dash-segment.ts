/**
 * One player's loads in place of dash.js's `XHRLoader`: media segments are handed to the engine, everything else and
 * whatever the engine does not take to the loader that was there before.
 *
 * Invariant (dash.js's contract): a load fills its response in and then calls `onloadend` once, whatever came of it;
 * one that is aborted calls `onabort` only; a timeout calls `ontimeout` first. dash.js retries by itself.
 */

import type { DashLoader, DashProgress, DashRequest, DashResponse } from "./dash-contract.js";
import type { Range, Session } from "./engine.js";
import { type FetchAsk, type FetchSink, type RunningFetch, streamFetch } from "./load.js";
import { ProgressReport } from "./progress.js";
import { rangeOf } from "./range.js";
import type { Timing } from "./timing.js";

/** What a player's loads need to know. */
export interface DashPlan {
  /** The stream's session, while there is one that may be asked. */
  readonly session: () => Session | undefined;
  /** An MPD is asked for: the first one names the stream. */
  readonly begin: (url: string) => void;
  readonly mpd: (url: string, text: string) => void;
  readonly index: (url: string, first: number, bytes: Uint8Array) => void;
  /** Tells the engine how much is buffered. */
  readonly report: () => void;
}

/** Our loader; `parent` loses its methods to it, so they are taken first. */
export function segmentLoads(parent: DashLoader, planNow: () => DashPlan | undefined): DashLoader {
  const { load, abort, reset, resetInitialSettings } = parent;
  const running = new Map<DashRequest, SegmentLoad>();
  const stopAll = () => {
    for (const one of [...running.values()]) one.abort();
  };
  return {
    load: (request, response) => {
      const plan = planNow();
      const wanted = plan && wantedOf(request);
      if (plan === undefined || wanted === undefined) return load(request, response);
      if (wanted === "mpd") plan.begin(request.url);
      const session = plan.session();
      const { mediaType = "video" } = request.customData.request ?? {};
      if (wanted === "media" && !session?.admits(request.url, mediaType)) {
        return load(request, response);
      }
      plan.report();
      if (wanted !== "media" || !session?.takes()) {
        listen(plan, wanted, request, response);
        return load(request, response);
      }
      const range = rangeOf(request.headers);
      if (range === undefined) return load(request, response);
      const one = new SegmentLoad(session, request, response, range, {
        over: () => running.delete(request),
        pass: () => load(request, response),
      });
      running.set(request, one);
      one.start();
      return true;
    },
    abort: (request) => {
      const one = request && running.get(request);
      if (one !== undefined) one.abort();
      else abort(request);
    },
    reset: () => {
      stopAll();
      reset();
    },
    resetInitialSettings: () => {
      stopAll();
      resetInitialSettings();
    },
  };
}

type Wanted = "mpd" | "index" | "media";

/** What a request is for, if it is anything of ours. */
function wantedOf({ method, customData }: DashRequest): Wanted | undefined {
  const { type, index } = customData?.request ?? {};
  if (method !== "GET") return undefined;
  if (type === "MPD") return "mpd";
  if (type !== "MediaSegment") return undefined;
  return Number.isFinite(index) ? "media" : "index";
}

/** dash.js's own loader does it; what it brings is the engine's to know. */
function listen(
  plan: DashPlan,
  wanted: Wanted,
  request: DashRequest,
  response: DashResponse,
): void {
  const { customData } = request;
  const { onloadend } = customData;
  customData.onloadend = (event) => {
    const { status = 0, data } = response;
    if (status >= 200 && status <= 299) hear(plan, wanted, request, response.url, data);
    onloadend?.(event);
  };
}

function hear(
  plan: DashPlan,
  wanted: Wanted,
  request: DashRequest,
  url: string | undefined,
  data: unknown,
): void {
  if (typeof data === "string") {
    if (wanted === "mpd") plan.mpd(url || request.url, data);
    return;
  }
  const range = rangeOf(request.headers);
  if (!(data instanceof ArrayBuffer) || range === undefined) return;
  const bytes = new Uint8Array(data.slice(0));
  if (wanted === "index") plan.index(request.url, range.start, bytes);
  else plan.session()?.adopt(request.url, range, bytes);
}

/** What a load tells its loader. */
interface Keeper {
  over(): void;
  pass(): void;
}

/** One load of one segment. */
class SegmentLoad {
  readonly #session: Session;
  readonly #request: DashRequest;
  readonly #response: DashResponse;
  readonly #range: Range;
  readonly #keeper: Keeper;
  readonly #progress: ProgressReport;
  #wish = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #total = 0;
  #told = 0;
  #begun = false;
  #over = false;

  constructor(
    session: Session,
    request: DashRequest,
    response: DashResponse,
    range: Range,
    keeper: Keeper,
  ) {
    this.#session = session;
    this.#request = request;
    this.#response = response;
    this.#range = range;
    this.#keeper = keeper;
    this.#progress = new ProgressReport((ms, bytes) => this.#trace(ms, bytes), 0);
  }

  start(): void {
    const { url, timeout, customData } = this.#request;
    if (timeout > 0) this.#timer = setTimeout(() => this.#timedOut(), timeout);
    customData.abort = () => this.abort();
    this.#wish = this.#session.load({
      ...{ url, ...this.#range },
      ready: (bytes, timing) => this.#ready(bytes, timing),
      failed: (status, timedOut, details) => {
        if (timedOut) this.#timedOut();
        else this.#failed(status, details);
      },
      pass: () => {
        if (this.#end()) this.#keeper.pass();
      },
      progress: (loaded, total) => this.#advance(loaded, total),
      fetch: (ask, sink) => this.#fetch(ask, sink),
    });
  }

  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#keeper.over();
    return true;
  }

  #advance(loaded: number, total: number): void {
    if (this.#over || loaded <= 0) return;
    this.#total = Math.max(total, loaded);
    this.#begin(0);
    this.#progress.advance(loaded, total);
  }

  /** dash.js leaves the first report out of its estimate: that one is the way to the first byte. */
  #begin(ms: number): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#trace(ms, 0);
  }

  #trace(ms: number, bytes: number): void {
    this.#told += bytes;
    const progress: DashProgress = {
      ...{ loaded: this.#told, total: this.#total, lengthComputable: true },
      ...(ms > 0 ? { time: ms } : {}),
    };
    this.#request.customData.onprogress?.(progress);
  }

  #ready(data: ArrayBuffer, timing: Timing): void {
    if (!this.#end()) return;
    this.#total = data.byteLength;
    this.#begin(timing.firstByteMs);
    this.#progress.finish(data.byteLength, { ...timing, firstByteMs: 0 });
    const { url, customData } = this.#request;
    const headers = { "content-length": String(data.byteLength) };
    Object.assign(this.#response, { url, status: 200, statusText: "OK", headers, data });
    customData.onloadend?.();
  }

  #failed(status: number, details: unknown): void {
    if (!this.#end()) return;
    this.#session.abort(this.#wish);
    const said = details instanceof Response ? details : undefined;
    Object.assign(this.#response, {
      url: said?.url ?? this.#request.url,
      status,
      statusText: said?.statusText ?? "",
      headers: said ? Object.fromEntries(said.headers) : {},
    });
    this.#request.customData.onloadend?.();
  }

  #timedOut(): void {
    if (!this.#end()) return;
    this.#session.abort(this.#wish);
    const { customData } = this.#request;
    customData.ontimeout?.({
      ...{ loaded: this.#told, total: this.#total, lengthComputable: this.#total > 0 },
    });
    customData.onloadend?.();
  }

  abort(): void {
    if (!this.#end()) return;
    this.#session.abort(this.#wish);
    this.#request.customData.onabort?.();
  }

  #fetch(ask: FetchAsk, sink: FetchSink): RunningFetch {
    const { headers: given, credentials } = this.#request;
    const { Range: _asked, range: _lower, ...headers } = given ?? {};
    const policy = {
      headers,
      credentials: credentials === "include" ? ("include" as const) : ("same-origin" as const),
      firstByteMs: 0,
      loadMs: Infinity,
    };
    return streamFetch(ask, policy, sink);
  }
}
