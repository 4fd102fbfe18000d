/**
 * A wasm module with an engine in it, and the generated glue that belongs to it. There are three of one crate:
 * `engine-hls.ts` goes without the reader of MPDs, for which pages with hls.js would pay ten kilobytes, and
 * `engine-dash.ts` has it, and `engine-disk.ts` asks the viewer's disk as well. Which of the first two a page loads is the
 * adapter's word; with `diskCache` it is the third.
 *
 * Invariant: each is loaded once for all swarms of the page; a failure may be tried again.
 */

import type { SwarmConfig } from "./config.js";
import { SwarmlineError } from "./errors.js";

/** The generated class, as far as it is called. */
export interface WasmEngine {
  load(request: number, url: string, start: number, end: number, media: boolean): void;
  abort(request: number): void;
  adopt(url: string, start: number, end: number, bytes: Uint8Array): void;
  playback(aheadMs: number, rate: number, moving: boolean): void;
  manifest(url: string, text: string): void;
  /** Only where MPDs are read. */
  mpd?(url: string, text: string, nowMs: number): void;
  /** Only where MPDs are read. */
  index?(url: string, first: number, bytes: Uint8Array): void;
  update(config: object): void;
  fetchHead(fetch: number, status: number, length: number, partial: boolean): void;
  fetchBody(fetch: number, bytes: Uint8Array): void;
  fetchDone(fetch: number): void;
  fetchFailed(fetch: number, status: number, timedOut: boolean): void;
  textReady(text: number, url: string, body: string): void;
  textFailed(text: number, status: number): void;
  /** There is a disk for segments: names, 32 bytes each, of what is on it. Only where a disk is known of. */
  kept?(roots: Uint8Array): void;
  /** Likewise. */
  keptRead?(segment: number, bytes: Uint8Array | undefined): void;
  stats(): unknown;
  shutdown(): void;
}

/** Makes an engine for settings that calls a host. */
export type WasmEngineClass = new (config: object, host: object) => WasmEngine;

type Source = NonNullable<SwarmConfig["wasm"]>;
type Init = (from: { module_or_path: never }) => Promise<{ readonly memory: WebAssembly.Memory }>;

/** One of the modules. */
export class EngineModule {
  readonly #init: Init;
  readonly #engine: WasmEngineClass;
  readonly #url: () => URL;
  #loading: Promise<WasmEngineClass> | undefined;
  #memory: WebAssembly.Memory | undefined;

  /** The glue's two exports, and where its module lies. */
  constructor(init: Init, engine: WasmEngineClass, url: () => URL) {
    this.#init = init;
    this.#engine = engine;
    this.#url = url;
  }

  /** Bytes of its memory. */
  get memoryBytes(): number {
    return this.#memory?.buffer.byteLength ?? 0;
  }

  /** Loads it, from where the page says. */
  load(source: SwarmConfig["wasm"]): Promise<WasmEngineClass> {
    this.#loading ??= this.#instantiate(source ?? this.#url());
    return this.#loading;
  }

  async #instantiate(source: Source): Promise<WasmEngineClass> {
    try {
      const { memory } = await this.#init({ module_or_path: source as never });
      this.#memory = memory;
      return this.#engine;
    } catch (error) {
      this.#loading = undefined;
      const name = this.#url().pathname.split("/").pop();
      const message = `the engine's module (${name}) could not be loaded; playback goes on without peers`;
      throw new SwarmlineError("wasm-failed", message, "wasm", error);
    }
  }
}
