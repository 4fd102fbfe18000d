/**
 * Texts beside the playlist (sidecars), fetched as the page would fetch them. Decides neither which
 * nor when, and never retries: the engine does.
 *
 * Invariant: exactly one of `ready` and `failed` is heard, unless it was stopped; a text is never
 * longer than the engine reads.
 */

import { Ending, type RunningFetch, readBody } from "./load.js";

/** Who hears of a text. */
export interface TextSink {
  /** All of it; `url` is the response's, after redirects. */
  ready(url: string, body: string): void;
  /** HTTP's status, 0 when there was none, it was too long or took too long. */
  failed(status: number): void;
}

/** What the engine reads at the most, bytes. */
const BYTES_MAX = 32 * 2 ** 20;
const TIMEOUT_MS = 10_000;

/**
 * Fetches a text: credentials to the page's own origin only, no headers of the player's. A copy in the
 * browser's cache is asked about: a live text changes under its URL.
 */
export function fetchText(url: string, sink: TextSink): RunningFetch {
  const ending = new Ending();
  const fail = (status: number) => ending.end(() => sink.failed(status));
  ending.endIn(TIMEOUT_MS, () => sink.failed(0));
  const run = async () => {
    const response = await fetch(url, {
      signal: ending.signal,
      credentials: "same-origin",
      cache: "no-cache",
    });
    if (!response.ok || response.body === null) {
      fail(response.status);
      return;
    }
    const decoder = new TextDecoder();
    let body = "";
    let bytes = 0;
    await readBody(response.body, ending, (value) => {
      bytes += value.length;
      if (bytes > BYTES_MAX) fail(0);
      else body += decoder.decode(value, { stream: true });
    });
    body += decoder.decode();
    ending.end(() => sink.ready(response.url || url, body));
  };
  run().catch(() => fail(0));
  return { stop: () => ending.end() };
}
