// @ts-check
// As much of a page as two players need to read a manifest in Node. One address is answered with a text, all others
// are not found. Shows nothing, plays nothing.

/** Makes this process a page that gets `text()` from `url`. */
export function aPage(/** @type {string} */ url, /** @type {() => string} */ text) {
  const element = { canPlayType: () => "", addEventListener() {} };
  const document = { createElement: () => element, addEventListener() {}, readyState: "loading" };
  const page = {
    document,
    location: { href: "https://origin.example/", protocol: "https:" },
    navigator: { userAgent: "node", language: "en" },
    screen: { width: 1, height: 1 },
    addEventListener() {},
    getComputedStyle: () => ({ getPropertyValue: () => "" }),
    matchMedia: () => ({ matches: false }),
    MediaSource: Object.assign(() => {}, { isTypeSupported: () => true }),
    XMLHttpRequest: answering(url, text),
    fetch: async () => new Response(text()),
  };
  for (const [name, value] of Object.entries(page)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }
  Object.assign(globalThis, { self: globalThis, window: globalThis });
  // A player that is gone leaves timers behind, which nobody need wait for.
  for (const name of ["setTimeout", "setInterval"]) {
    const start = globalThis[name];
    globalThis[name] = (task, ms, ...rest) => {
      const timer = start(task, ms, ...rest);
      return ms >= 1_000 ? timer.unref() : timer;
    };
  }
  // Shaka 5.2 uses what Node 20 does not have yet.
  for (const proto of [Map.prototype, WeakMap.prototype]) {
    const upsert = {
      getOrInsert(key, value) {
        return this.getOrInsertComputed(key, () => value);
      },
      getOrInsertComputed(key, make) {
        if (!this.has(key)) this.set(key, make(key));
        return this.get(key);
      },
    };
    for (const [name, value] of Object.entries(upsert)) {
      if (!(name in proto)) Object.defineProperty(proto, name, { value, configurable: true });
    }
  }
}

const answering = (/** @type {string} */ url, /** @type {() => string} */ text) =>
  class {
    open(_method, url) {
      this.responseURL = url;
    }
    setRequestHeader() {}
    getAllResponseHeaders = () => "";
    getResponseHeader = () => null;
    abort() {}
    send() {
      queueMicrotask(() => {
        const status = this.responseURL === url ? 200 : 404;
        const body = status === 200 ? text() : "";
        Object.assign(this, { status, readyState: 4, response: body, responseText: body });
        this.onload?.({});
        this.onloadend?.({});
      });
    }
  };
