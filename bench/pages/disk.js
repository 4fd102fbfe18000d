// @ts-check
// Places in which a browser lets a page keep segments, each behind the same three verbs. Measured from outside:
// it decides nothing and judges nothing.

/** @typedef {{ ms: number, eachMs: number[], longTasks: number, longMs: number }} Took */
/** @typedef {{ write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>, read(name: string): Promise<Uint8Array | undefined>, clear(): Promise<void> }} Place */

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const answer = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** @param {boolean} blobs as blobs, which are read after the transaction @returns {Promise<Place>} */
async function inIndexedDb(blobs) {
  const name = blobs ? "bench-blobs" : "bench";
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore("bytes");
    opening.result.createObjectStore("uses");
  };
  const db = await answer(opening);
  return {
    write(key, bytes) {
      const change = db.transaction(["bytes", "uses"], "readwrite", { durability: "relaxed" });
      change.objectStore("bytes").put(blobs ? new Blob([bytes]) : bytes, key);
      change.objectStore("uses").put({ bytes: bytes.length, used: Date.now() }, key);
      return new Promise((resolve, reject) => {
        change.oncomplete = () => resolve();
        change.onabort = () => reject(change.error);
      });
    },
    async read(key) {
      const found = await answer(db.transaction("bytes").objectStore("bytes").get(key));
      if (found instanceof Blob) return new Uint8Array(await found.arrayBuffer());
      return found;
    },
    async clear() {
      db.close();
      await answer(indexedDB.deleteDatabase(name));
    },
  };
}

/** @returns {Promise<Place>} */
async function inFiles() {
  const top = await navigator.storage.getDirectory();
  const folder = await top.getDirectoryHandle("bench", { create: true });
  return {
    async write(name, bytes) {
      const file = await folder.getFileHandle(name, { create: true });
      const stream = await file.createWritable();
      await stream.write(bytes);
      await stream.close();
    },
    async read(name) {
      const file = await (await folder.getFileHandle(name)).getFile();
      return new Uint8Array(await file.arrayBuffer());
    },
    clear: () => top.removeEntry("bench", { recursive: true }),
  };
}

/** @returns {Promise<Place>} */
async function inCacheStorage() {
  const cache = await caches.open("bench");
  return {
    write: (name, bytes) => cache.put(`/bench/kept/${name}`, new Response(bytes)),
    async read(name) {
      const response = await cache.match(`/bench/kept/${name}`);
      return response && new Uint8Array(await response.arrayBuffer());
    },
    async clear() {
      await caches.delete("bench");
    },
  };
}

/** @type {Record<string, () => Promise<Place>>} */
const places = {
  OPFS: inFiles,
  "IndexedDB, bytes": () => inIndexedDb(false),
  "IndexedDB, blobs": () => inIndexedDb(true),
  "Cache API": inCacheStorage,
};

/** Names in an order that no read-ahead guesses. @param {number} count */
const mixed = (count) => Array.from({ length: count }, (_, at) => `${(at * 37) % count}`);

/** @param {string[]} names @param {(name: string) => Promise<void>} each @returns {Promise<Took>} */
async function inTurn(names, each) {
  let longTasks = 0;
  let longMs = 0;
  const watch = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      longTasks += 1;
      longMs += duration;
    }
  });
  watch.observe({ entryTypes: ["longtask"] });
  const eachMs = [];
  const began = performance.now();
  for (const name of names) {
    const before = performance.now();
    await each(name);
    eachMs.push(performance.now() - before);
  }
  const ms = performance.now() - began;
  watch.disconnect();
  return { ms, eachMs, longTasks, longMs };
}

const measured = {
  names: () => Object.keys(places),

  /** @param {{ place: string, count: number, length: number }} of */
  async write({ place: name, count, length }) {
    const place = await places[name]?.();
    if (!place) throw new Error(`no ${name}`);
    // Noise: a store that compresses must not gain by it.
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 65_536) {
      crypto.getRandomValues(bytes.subarray(at, Math.min(length, at + 65_536)));
    }
    return inTurn(mixed(count), (key) => place.write(key, bytes));
  },

  /** @param {{ place: string, count: number, length: number }} of */
  async read({ place: name, count, length }) {
    const place = await places[name]?.();
    if (!place) throw new Error(`no ${name}`);
    const took = await inTurn(mixed(count), async (key) => {
      const bytes = await place.read(key);
      if (bytes?.length !== length) throw new Error(`${name} lost ${key}`);
    });
    await place.clear();
    return took;
  },
};
Object.assign(window, { measured });

/** @typedef {typeof measured} Measured */
export {};
