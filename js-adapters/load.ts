/**
 * The HTTP leg: a streaming `fetch` with what the player's own loader would have sent, and the
 * player's own timers. It decides nothing about when to fetch, and never retries: the player does.
 *
 * Invariant: a sink hears `head` once, then bodies, then exactly one of `done` and `failed`; after
 * `stop()` nothing. What HTTP said is reported as it was said.
 */

/** What the engine wants from HTTP. Offsets of the resource; `end` exclusive. */
export interface FetchAsk {
  readonly url: string;
  readonly start: number;
  /** 0 for the whole resource, `Infinity` for an open end. */
  readonly end: number;
}

/** Who hears of a fetch. */
export interface FetchSink {
  head(status: number, length: number | undefined, partial: boolean): void;
  body(bytes: Uint8Array): void;
  done(): void;
  failed(status: number, timedOut: boolean, details?: unknown): void;
}

/** How the player would have asked. */
export interface FetchPolicy {
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** Milliseconds to the first byte; not finite or 0 is none of its own. */
  readonly firstByteMs: number;
  /** Milliseconds to the last byte. */
  readonly loadMs: number;
  /** Milliseconds between bytes, where the player counts them; 0 is none of its own. */
  readonly silentMs?: number;
  /** Whether cookies go to other origins too; `same-origin` if nothing is said. */
  readonly credentials?: RequestCredentials;
}

/** A fetch that runs. */
export interface RunningFetch {
  stop(): void;
}

/** A fetch's one end and its one timer: whoever comes first tells, nobody after. */
export class Ending {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  over = false;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the fetch and then tells, unless it has ended. */
  end(tell?: () => void): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.#timer);
    this.#controller.abort();
    tell?.();
  }

  /** Ends it so in `ms` from now instead of what was said before; endless is never. */
  endIn(ms: number, tell: () => void): void {
    clearTimeout(this.#timer);
    if (Number.isFinite(ms)) this.#timer = setTimeout(() => this.end(tell), ms);
  }
}

/** Reads a body as it comes, until its end or that of the fetch. */
export async function readBody(
  body: ReadableStream<Uint8Array>,
  ending: Ending,
  each: (bytes: Uint8Array) => void,
): Promise<void> {
  const reader = body.getReader();
  while (!ending.over) {
    const { done, value } = await reader.read();
    if (ending.over || done) return;
    each(value);
  }
}

/** Fetches with the browser's `fetch`: the bytes as they come. */
export function streamFetch(ask: FetchAsk, policy: FetchPolicy, sink: FetchSink): RunningFetch {
  const ending = new Ending();
  const started = performance.now();
  const patience = (ms: number) => ending.endIn(ms, () => sink.failed(0, true));
  patience(isSpan(policy.firstByteMs) ? policy.firstByteMs : policy.loadMs);
  const run = async () => {
    const headers = new Headers(policy.headers);
    if (ask.end > 0) headers.set("Range", rangeHeader(ask));
    const { credentials = "same-origin", silentMs = 0 } = policy;
    const init = { headers, signal: ending.signal, credentials };
    const response = await fetch(ask.url, init);
    if (ending.over) return;
    const rest = () => {
      const left = policy.loadMs - (performance.now() - started);
      patience(isSpan(silentMs) ? Math.min(silentMs, left) : left);
    };
    rest();
    if (!response.ok || response.body === null) {
      ending.end(() => sink.failed(response.status, false, response));
      return;
    }
    const partial = response.status === 206;
    if (partial && !answers(response, ask)) {
      ending.end(() => sink.failed(416, false, response));
      return;
    }
    sink.head(response.status, contentLength(response), partial);
    await readBody(response.body, ending, (bytes) => {
      if (silentMs > 0) rest();
      sink.body(bytes);
    });
    ending.end(() => sink.done());
  };
  run().catch(() => ending.end(() => sink.failed(0, false)));
  return { stop: () => ending.end() };
}

/** A `Range` header; HTTP's end is inclusive. */
function rangeHeader(ask: FetchAsk): string {
  return `bytes=${ask.start}-${Number.isFinite(ask.end) ? ask.end - 1 : ""}`;
}

function isSpan(ms: number): boolean {
  return Number.isFinite(ms) && ms > 0;
}

/** Whether a 206 carries the range that was asked for; a header that CORS hides is believed. */
function answers(response: Response, ask: FetchAsk): boolean {
  const said = /^bytes (\d+)-/.exec(response.headers.get("Content-Range") ?? "");
  return said === null || Number(said[1]) === ask.start;
}

/** Bytes the body will have; unknown when it is compressed on the way. */
function contentLength(response: Response): number | undefined {
  if (response.headers.get("Content-Encoding") !== null) return undefined;
  const length = response.headers.get("Content-Length");
  return length === null ? undefined : Number(length);
}
