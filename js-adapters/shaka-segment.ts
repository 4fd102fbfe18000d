/**
 * The scheme plug-in that answers one player's media segments: hands them to the engine, and to the plug-in
 * before ours whatever the engine does not take.
 *
 * Invariant (Shaka's contract): an aborted operation rejects with `OPERATION_ABORTED`; every other failure is
 * what HTTP said, as a recoverable `shaka.util.Error`, so that Shaka retries as it would alone; progress is
 * told while bytes come, and signs of life while they do not, because Shaka counts silence as a timeout.
 */

import type { Range, Session } from "./engine.js";
import { type FetchAsk, type FetchSink, type RunningFetch, streamFetch } from "./load.js";
import type {
  ShakaNamespace,
  ShakaOperation,
  ShakaResponse,
  ShakaSchemePlugin,
} from "./shaka-contract.js";
import { ProgressReport } from "./progress.js";
import { rangeOf } from "./range.js";
import type { SegmentSource } from "./stats.js";
import type { Timing } from "./timing.js";

/** What the plug-in needs to know of its player. */
export interface PluginPlan {
  /** The stream's session, while there is one that may be asked. */
  readonly session: () => Session | undefined;
  readonly inner: ShakaSchemePlugin;
  /** The page has nothing of its own between Shaka and the network. */
  readonly plain: boolean;
  readonly shaka: ShakaNamespace;
  /** Tells the engine how much is buffered. */
  readonly report: () => void;
}

/** How often Shaka hears that a request lives; it gives up after 5 s of silence. */
const SIGN_OF_LIFE_MS = 1_000;

type Arguments = Parameters<ShakaSchemePlugin>;

/** A scheme plug-in for media segments. */
export function segmentPlugin(plan: PluginPlan): ShakaSchemePlugin {
  return (...given) => {
    const [uri, request] = given;
    const range = rangeOf(request.headers);
    const session = plan.session();
    if (session === undefined || range === undefined) return plan.inner(...given);
    plan.report();
    if (!session.takes()) return adopted(session, uri, range, plan.inner(...given));
    const load = new SegmentLoad(plan, session, given, range);
    return new plan.shaka.util.AbortableOperation(load.response, () => load.abort());
  };
}

/** The engine is not there yet: it gets a copy of what the plug-in before ours brings. */
function adopted(
  session: Session,
  uri: string,
  range: Range,
  operation: ShakaOperation<ShakaResponse>,
): ShakaOperation<ShakaResponse> {
  operation.promise.then(
    ({ data }) => session.adopt(uri, range, copyOf(data)),
    () => undefined,
  );
  return operation;
}

/** One load of one segment. */
class SegmentLoad {
  readonly response: Promise<ShakaResponse>;
  readonly #plan: PluginPlan;
  readonly #session: Session;
  readonly #given: Arguments;
  readonly #progress: ProgressReport;
  readonly #life: ReturnType<typeof setInterval>;
  readonly #wish: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #answer: (response: ShakaResponse) => void = () => undefined;
  #refuse: (error: Error) => void = () => undefined;
  /** The plug-in before ours does it. */
  #inner: ShakaOperation<ShakaResponse> | undefined;
  #over = false;

  constructor(plan: PluginPlan, session: Session, given: Arguments, range: Range) {
    this.#plan = plan;
    this.#session = session;
    this.#given = given;
    this.response = new Promise((resolve, reject) => {
      this.#answer = resolve;
      this.#refuse = reject;
    });
    const [uri, request, , progressUpdated, , { minBytesForProgressEvents = 0 }] = given;
    this.#progress = new ProgressReport(progressUpdated, minBytesForProgressEvents);
    this.#life = setInterval(() => this.#progress.alive(), SIGN_OF_LIFE_MS);
    const { timeout } = request.retryParameters;
    if (timeout > 0) this.#timer = setTimeout(() => this.#failed(0, true, null), timeout);
    this.#wish = session.load({
      url: uri,
      ...range,
      ready: (bytes, timing, source) => this.#ready(bytes, timing, source),
      failed: (status, timedOut, details) => this.#failed(status, timedOut, details),
      pass: () => this.#pass(),
      progress: (loaded, total) => this.#progress.advance(loaded, total),
      fetch: (ask, sink) => this.#fetch(ask, sink),
    });
  }

  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    clearInterval(this.#life);
    clearTimeout(this.#timer);
    return true;
  }

  #ready(data: ArrayBuffer, timing: Timing, source: SegmentSource): void {
    const [uri, originalRequest] = this.#given;
    if (!this.#end()) return;
    const timeMs = this.#progress.finish(data.byteLength, timing);
    const fromCache = source === "cache";
    const length = { "content-length": String(data.byteLength) };
    this.#answer({
      ...{ uri, originalUri: uri, data, status: 200, headers: length },
      ...{ timeMs, fromCache, originalRequest },
    });
  }

  #failed(status: number, timedOut: boolean, details: unknown): void {
    const [uri, , requestType] = this.#given;
    if (!this.#end()) return;
    this.#session.abort(this.#wish);
    const { Code } = this.#plan.shaka.util.Error;
    if (timedOut) {
      this.#refuse(this.#error(Code.TIMEOUT, uri, requestType));
    } else if (status > 0) {
      const headers = details instanceof Response ? Object.fromEntries(details.headers) : {};
      const url = details instanceof Response ? details.url : uri;
      this.#refuse(this.#error(Code.BAD_HTTP_STATUS, uri, status, null, headers, requestType, url));
    } else {
      this.#refuse(this.#error(Code.HTTP_ERROR, uri, details, requestType));
    }
  }

  #pass(): void {
    if (!this.#end()) return;
    this.#inner = this.#plan.inner(...this.#given);
    this.#inner.promise.then(this.#answer, this.#refuse);
  }

  #fetch(ask: FetchAsk, sink: FetchSink): RunningFetch {
    const [, request] = this.#given;
    if (!this.#plan.plain) return innerFetch(this.#plan.inner, this.#given, ask, sink);
    const { Range: _asked, range: _lower, ...headers } = request.headers;
    const credentials = request.allowCrossSiteCredentials ? "include" : "same-origin";
    // Shaka's own clocks do not see HTTP through the signs of life.
    const { connectionTimeout, stallTimeout } = request.retryParameters;
    const clocks = { firstByteMs: connectionTimeout, silentMs: stallTimeout, loadMs: Infinity };
    return streamFetch(ask, { headers, credentials, ...clocks }, sink);
  }

  async abort(): Promise<void> {
    if (this.#inner !== undefined) {
      await this.#inner.abort();
      return;
    }
    const [uri, , requestType] = this.#given;
    if (!this.#end()) return;
    this.#session.abort(this.#wish);
    this.#refuse(this.#error(this.#plan.shaka.util.Error.Code.OPERATION_ABORTED, uri, requestType));
  }

  #error(code: number, ...data: unknown[]): Error {
    const { Error: ShakaError } = this.#plan.shaka.util;
    const { Severity, Category } = ShakaError;
    return new ShakaError(Severity.RECOVERABLE, Category.NETWORK, code, ...data);
  }
}

/** Fetches with the app's own plug-in: its bytes come at the end. */
function innerFetch(
  inner: ShakaSchemePlugin,
  [, request, requestType, , , config]: Arguments,
  ask: FetchAsk,
  sink: FetchSink,
): RunningFetch {
  const { Range: _asked, range: _lower, ...plain } = request.headers;
  const last = Number.isFinite(ask.end) ? ask.end - 1 : "";
  const headers = ask.end > 0 ? { ...plain, Range: `bytes=${ask.start}-${last}` } : plain;
  const asked = { ...request, uris: [ask.url], headers };
  const quiet = () => undefined;
  const operation = inner(ask.url, asked, requestType, quiet, quiet, config);
  let over = false;
  operation.promise.then(
    ({ data, status = 200 }) => {
      if (over) return;
      const bytes = copyOf(data);
      sink.head(status, bytes.length, status === 206);
      if (!over) sink.body(bytes);
      if (!over) sink.done();
    },
    (error: { code?: number; data?: unknown[] } | undefined) => {
      const status = Number(error?.data?.[1]);
      if (!over) sink.failed(Number.isInteger(status) ? status : 0, false, error);
    },
  );
  const stop = () => {
    over = true;
    operation.abort().catch(quiet);
  };
  return { stop };
}

/** Bytes of our own. */
export function copyOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data.slice(0));
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}
