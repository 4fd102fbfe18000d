// @ts-check
// Counts what a page holds open, from before any other script runs: listeners, timers, workers, sockets,
// connections, channels. It changes nothing of what it counts.

(() => {
  /** @type {Record<string, number>} */
  const open = { listeners: 0, intervals: 0, timeouts: 0, workers: 0, sockets: 0, connections: 0 };
  const own = {
    setTimeout: window.setTimeout.bind(window),
    clearTimeout: window.clearTimeout.bind(window),
    setInterval: window.setInterval.bind(window),
    clearInterval: window.clearInterval.bind(window),
  };

  // A listener counts once for its target, type, function and phase, as the standard has it.
  /** @type {WeakMap<object, Map<string, Set<unknown>>>} */
  const listening = new WeakMap();
  const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype;
  /** @param {unknown} options */
  const phase = (options) =>
    Boolean(typeof options === "object" && options ? Reflect.get(options, "capture") : options);
  /** @param {object} target @param {string} key */
  const heard = (target, key) => {
    const keys = listening.get(target) ?? new Map();
    listening.set(target, keys);
    const set = keys.get(key) ?? new Set();
    keys.set(key, set);
    return set;
  };
  // Only what outlives a round: the page, and the video that all rounds share.
  /** @param {unknown} target */
  const lasting = (target) =>
    target === window || target === document || target instanceof HTMLMediaElement;
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    const once = typeof options === "object" && (options?.once || options?.signal);
    if (listener && !once && lasting(this ?? window)) {
      const set = heard(this ?? window, `${type} ${phase(options)}`);
      if (!set.has(listener)) open.listeners = (open.listeners ?? 0) + 1;
      set.add(listener);
    }
    return add.call(this ?? window, type, listener, options);
  };
  EventTarget.prototype.removeEventListener = function (type, listener, options) {
    if (listener && lasting(this ?? window)) {
      const set = heard(this ?? window, `${type} ${phase(options)}`);
      if (set.delete(listener)) open.listeners = (open.listeners ?? 0) - 1;
    }
    return remove.call(this ?? window, type, listener, options);
  };

  const timeouts = new Set();
  const intervals = new Set();
  const tell = () => {
    open.timeouts = timeouts.size;
    open.intervals = intervals.size;
  };
  Object.assign(window, {
    /** @param {TimerHandler} act @param {number} [ms] @param {any[]} rest */
    setTimeout: (act, ms, ...rest) => {
      const id = own.setTimeout(() => {
        timeouts.delete(id);
        tell();
        if (typeof act === "function") act(...rest);
      }, ms);
      timeouts.add(id);
      tell();
      return id;
    },
    /** @param {number} id */
    clearTimeout: (id) => {
      timeouts.delete(id);
      tell();
      own.clearTimeout(id);
    },
    /** @param {TimerHandler} act @param {number} [ms] @param {any[]} rest */
    setInterval: (act, ms, ...rest) => {
      const id = own.setInterval(act, ms, ...rest);
      intervals.add(id);
      tell();
      return id;
    },
    /** @param {number} id */
    clearInterval: (id) => {
      intervals.delete(id);
      tell();
      own.clearInterval(id);
    },
  });

  /**
   * @param {string} name
   * @param {string} count
   * @param {string} end the method that lets go
   * @param {string} [gone] the event that tells that the other side did
   */
  const watch = (name, count, end, gone) => {
    const Plain = Reflect.get(window, name);
    class Counted extends Plain {
      /** @param {any[]} given */
      constructor(...given) {
        super(...given);
        open[count] = (open[count] ?? 0) + 1;
        let ended = false;
        const over = () => {
          if (!ended) open[count] = (open[count] ?? 0) - 1;
          ended = true;
        };
        const last = /** @type {any} */ (this)[end];
        Object.defineProperty(this, end, {
          value: (/** @type {any[]} */ ...rest) => {
            over();
            return last.apply(this, rest);
          },
        });
        if (gone) add.call(/** @type {any} */ (this), gone, over);
      }
    }
    Object.defineProperty(Counted, "name", { value: name });
    Reflect.set(window, name, Counted);
  };
  watch("Worker", "workers", "terminate");
  watch("WebSocket", "sockets", "close", "close");
  watch("RTCPeerConnection", "connections", "close");

  Object.assign(window, { heldNow: () => ({ ...open }) });
})();
