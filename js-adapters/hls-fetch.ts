/**
 * The HTTP leg for pages with a loader of their own (`xhrSetup`, `loader`, `fLoader`, CMCD): instances
 * of that very class, whole or in ranges of at most 256 KiB, because such a loader gives its bytes only
 * at the end. It decides nothing about when to fetch.
 *
 * Invariant: a sink hears what `load.ts` promises; each instance loads once and is destroyed after.
 */

import type { FragmentLoaderContext, Loader, LoaderConfiguration } from "hls.js";
import type { FetchAsk, FetchSink, RunningFetch } from "./load.js";

/** Longest range asked for at once: what is lost when it must be stopped. */
const PIECE = 256 * 1024;
/** How often bytes that such a loader counts are read. */
const COUNT_EVERY_MS = 100;

/** The page's loader and what the player gave it to load. */
export interface OwnLoader {
  readonly make: () => Loader<FragmentLoaderContext>;
  readonly context: FragmentLoaderContext;
  readonly config: LoaderConfiguration;
  /** Bytes of this fetch that the loader counted so far. */
  readonly counted: (loaded: number, total: number) => void;
}

/** Fetches with the page's own loader class. */
export function loaderFetch(ask: FetchAsk, own: OwnLoader, sink: FetchSink): RunningFetch {
  const ranged = ask.end > 0 && Number.isFinite(ask.end);
  let running: Loader<FragmentLoaderContext> | undefined;
  let counting: ReturnType<typeof setInterval> | undefined;
  let over = false;
  const close = () => {
    clearInterval(counting);
    running?.destroy();
    running = undefined;
  };
  const end = (tell: () => void) => {
    if (over) return;
    over = true;
    close();
    tell();
  };
  const piece = (start: number) => {
    const stop = ranged ? Math.min(start + PIECE, ask.end) : 0;
    const loader = own.make();
    running = loader;
    const context: FragmentLoaderContext = {
      ...own.context,
      headers: { ...own.context.headers },
      url: ask.url,
      rangeStart: ranged ? start : 0,
      rangeEnd: stop,
    };
    if (!ranged) {
      const { stats } = loader;
      counting = setInterval(() => own.counted(stats.loaded, stats.total), COUNT_EVERY_MS);
    }
    loader.load(
      context,
      { ...own.config },
      {
        onSuccess: (response, _stats, _context, details) => {
          if (over) return;
          const bytes = bytesOf(response.data);
          if (bytes === undefined) {
            end(() => sink.failed(response.code ?? 0, false, details));
            return;
          }
          close();
          const status = response.code ?? 200;
          if (ranged && bytes.length > stop - start) {
            // The origin ignored the range: this is the whole resource.
            if (start === ask.start) sink.head(status, bytes.length, false);
            if (start === ask.start && !over) sink.body(bytes);
            end(() => (start === ask.start ? sink.done() : sink.failed(416, false, details)));
            return;
          }
          if (start === ask.start || !ranged) {
            sink.head(status, ranged ? ask.end - ask.start : bytes.length, ranged);
          }
          if (over) return;
          sink.body(bytes);
          if (over) return;
          if (!ranged || stop === ask.end || bytes.length < stop - start) end(() => sink.done());
          else piece(stop);
        },
        onError: (error, _context, details) => end(() => sink.failed(error.code, false, details)),
        onTimeout: (_stats, _context, details) => end(() => sink.failed(0, true, details)),
        onAbort: (_stats, _context, details) => end(() => sink.failed(0, false, details)),
      },
    );
  };
  piece(ask.start);
  return { stop: () => end(() => undefined) };
}

function bytesOf(data: unknown): Uint8Array | undefined {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (!ArrayBuffer.isView(data)) return undefined;
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}
