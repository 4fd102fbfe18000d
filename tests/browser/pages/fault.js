// @ts-check
// Makes a page's own surroundings fail on demand, before anything else runs in it: a wasm module that traps,
// a tracker that talks nonsense, a browser that has no WebRTC. `window.fault` says which, from now on. What it
// does to a page without a swarm is nothing. It decides nothing and judges nothing.

const fault = {
  /** Every call into a wasm module ends as an executed `unreachable` does. */
  traps: false,
  /** What trackers say is replaced by what no tracker should say. */
  nonsense: false,
  /** Calls that trapped, and messages that were replaced. */
  done: 0,
};

/** Answers to keep a reader busy: no JSON, no shape, numbers beyond reason, offers from nowhere. */
const nonsense = [
  "}{",
  "[]",
  JSON.stringify({ action: "announce", interval: -1, complete: 1e300 }),
  JSON.stringify({ action: "announce", "failure reason": "x".repeat(100_000) }),
  JSON.stringify({
    action: "offer",
    info_hash: "x".repeat(20),
    peer_id: "y".repeat(20),
    offer: {},
  }),
  JSON.stringify({ action: "announce", offer: { type: "offer", sdp: "v=0\r\n".repeat(2_000) } }),
  JSON.stringify({
    action: "announce",
    answer: { type: "answer", sdp: "" },
    offer_id: "z".repeat(20),
  }),
];

/** @param {WebAssembly.Exports} exports */
function trapping(exports) {
  const calls = Object.entries(exports).map(([name, value]) => {
    if (typeof value !== "function") return [name, value];
    const call = (/** @type {unknown[]} */ ...args) => {
      if (!fault.traps) return value(...args);
      fault.done += 1;
      throw new WebAssembly.RuntimeError("unreachable");
    };
    return [name, call];
  });
  return Object.fromEntries(calls);
}

for (const name of /** @type {const} */ (["instantiate", "instantiateStreaming"])) {
  const honest = /** @type {any} */ (WebAssembly[name]);
  Reflect.set(WebAssembly, name, async (/** @type {unknown[]} */ ...args) => {
    const made = await honest(...args);
    // Of bytes both come, of a module that is there the instance alone.
    if (made instanceof WebAssembly.Instance) return wrapped(made);
    return { module: made.module, instance: wrapped(made.instance) };
  });
}

/** @param {WebAssembly.Instance} instance */
function wrapped(instance) {
  const exports = { value: trapping(instance.exports) };
  return Object.create(WebAssembly.Instance.prototype, { exports });
}

const onmessage = /** @type {PropertyDescriptor} */ (
  Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage")
);
Object.defineProperty(WebSocket.prototype, "onmessage", {
  ...onmessage,
  /** @this {WebSocket} @param {((event: MessageEvent) => void) | null} listener */
  set(listener) {
    onmessage.set?.call(this, listener && confused(listener));
  },
});

/** What a tracker's listener gets to hear. @param {(event: MessageEvent) => void} listener */
function confused(listener) {
  return (/** @type {MessageEvent} */ event) => {
    if (!fault.nonsense) return listener(event);
    const data = nonsense[fault.done % nonsense.length];
    fault.done += 1;
    return listener(new MessageEvent("message", { data }));
  };
}

Object.assign(window, { fault });
