// Stands in for the generated glue: an engine that does nothing but what a test tells it, and keeps a
// record of what the adapter told it.

/** Engines made so far, oldest first. */
export const engines = [];
/** What loading the module does; a test may hold it back or let it fail. */
export const wasm = { load: () => Promise.resolve() };

export default async function init() {
  await wasm.load();
  return { memory: { buffer: new ArrayBuffer(65_536) } };
}

/** Nobody signs anything here. */
export const pin = () => Promise.resolve(() => false);

export class SwarmEngine {
  constructor(config, host) {
    Object.assign(this, { config, host, calls: [], onLoad: () => undefined });
    engines.push(this);
    for (const name of [
      "abort",
      "adopt",
      "playback",
      "manifest",
      "mpd",
      "index",
      "update",
      "shutdown",
    ]) {
      this[name] = (...args) => this.calls.push([name, ...args]);
    }
    for (const name of ["textReady", "textFailed", "kept", "keptRead"]) {
      this[name] = (...args) => this.calls.push([name, ...args]);
    }
    for (const name of ["fetchHead", "fetchBody", "fetchDone", "fetchFailed"]) {
      this[name] = (...args) => {
        this.calls.push([name, ...args]);
        this.onFetch?.(name, ...args);
      };
    }
  }

  /** From now on wishes are answered so, and those that were there before. */
  answers(onLoad) {
    this.onLoad = onLoad;
    for (const wish of this.told("load")) onLoad(...wish);
  }

  load(...args) {
    this.calls.push(["load", ...args]);
    this.onLoad(...args);
  }

  stats() {
    return { schema: 1, cdnBytes: 7 };
  }

  /** What was told under `name`. */
  told(name) {
    return this.calls.filter(([call]) => call === name).map(([, ...args]) => args);
  }
}
