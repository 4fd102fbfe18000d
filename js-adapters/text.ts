/**
 * Texts beside the playlist (sidecars), fetched as the page would fetch them. Decides neither which
 * nor when, and never retries: the engine does.
 *
 * Invariant: exactly one of `ready` and `failed` is heard, unless it was stopped; a text is never
 * longer than the engine reads.
 */

import type { RunningFetch } from "./load.js";

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
  const controller = new AbortController();
  let over = false;
  const end = (tell: () => void) => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    controller.abort();
    tell();
  };
  const timer = setTimeout(() => end(() => sink.failed(0)), TIMEOUT_MS);
  const run = async () => {
    const response = await fetch(url, {
      signal: controller.signal,
      credentials: "same-origin",
      cache: "no-cache",
    });
    if (!response.ok || response.body === null) {
      end(() => sink.failed(response.status));
      return;
    }
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let body = "";
    let bytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (over) return;
      if (done) break;
      bytes += value.length;
      if (bytes > BYTES_MAX) {
        end(() => sink.failed(0));
        return;
      }
      body += decoder.decode(value, { stream: true });
    }
    body += decoder.decode();
    end(() => sink.ready(response.url || url, body));
  };
  run().catch(() => end(() => sink.failed(0)));
  return { stop: () => end(() => undefined) };
}
