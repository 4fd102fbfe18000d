// IndexedDB as far as `disk-cache.ts` goes: one database after another name, stores of values by binary or number keys,
// an index, transactions that end when nothing is asked of them any more. What it answers, it answers later, as the
// real one does.

const nameOf = (key) =>
  typeof key === "number" ? `${key}` : Buffer.from(key.buffer ?? key).toString("hex");
/** Values are copies. */
const copied = (value) => structuredClone(value);

class Request {
  constructor(result, first) {
    this.result = result;
    queueMicrotask(() => {
      first?.(this);
      this.onsuccess?.();
    });
  }
}

class Store {
  constructor(rows, change, disk, keyPath) {
    Object.assign(this, { rows, change, disk, keyPath });
  }
  #ask(result) {
    this.change.touch();
    return this.disk.breaks ? this.change.broken() : new Request(result);
  }
  get(key) {
    return this.#ask(copied(this.rows.get(nameOf(key))));
  }
  put(value, key = value[this.keyPath]) {
    this.disk.writes += 1;
    this.change.writes.push([this.rows, nameOf(key), copied(value)]);
    return this.#ask(undefined);
  }
  delete(key) {
    this.change.writes.push([this.rows, nameOf(key), undefined]);
    return this.#ask(undefined);
  }
  index(member) {
    const rows = [...this.rows.values()].sort((a, b) => a[member] - b[member]);
    return { getAll: () => this.#ask(copied(rows)) };
  }
}

class Change {
  writes = [];
  #timer;
  constructor(stores, disk) {
    this.objectStore = (name) => {
      const { rows, keyPath } = stores.get(name);
      return new Store(rows, this, disk, keyPath);
    };
    this.disk = disk;
    this.touch();
  }
  /** A request that fails, and all that was to be changed with it. */
  broken() {
    this.error = new DOMException("the disk is gone", "UnknownError");
    const request = { error: this.error };
    setTimeout(() => {
      clearTimeout(this.#timer);
      request.onerror?.();
      this.onabort?.();
    }, 0);
    return request;
  }
  touch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(), 1);
  }
  #end() {
    const added = this.writes.reduce((sum, [, , value]) => sum + (value?.size ?? 0), 0);
    if (added > 0 && this.disk.bytes() + added > this.disk.room) {
      this.error = new DOMException("full", "QuotaExceededError");
      return this.onabort?.();
    }
    for (const [rows, key, value] of this.writes) {
      if (value === undefined) rows.delete(key);
      else rows.set(key, value);
    }
    this.oncomplete?.();
  }
}

/** Puts a disk in the way of this process's pages; `room` bytes at most fit on it, whatever `quota` says. */
export function fakeDisk({ quota = 1e9, room = Number.POSITIVE_INFINITY, refuses = false } = {}) {
  const stores = new Map();
  const open = new Set();
  const disk = {
    room,
    /** Whatever is asked of it from now on fails. */
    breaks: false,
    writes: 0,
    /** Segments on it: name → bytes. */
    kept: () => stores.get("bytes")?.rows ?? new Map(),
    bytes: () => [...disk.kept().values()].reduce((sum, { size }) => sum + size, 0),
  };
  const database = {
    createObjectStore(name, { keyPath } = {}) {
      stores.set(name, { rows: new Map(), keyPath });
      return { createIndex: () => undefined };
    },
  };
  globalThis.indexedDB = {
    open() {
      if (refuses) throw new DOMException("not in a private window", "SecurityError");
      const db = {
        ...database,
        transaction: () => new Change(stores, disk),
        close: () => open.delete(db),
      };
      open.add(db);
      const isNew = stores.size === 0;
      return new Request(db, (request) => isNew && request.onupgradeneeded?.());
    },
    deleteDatabase() {
      for (const db of [...open]) db.onversionchange?.();
      stores.clear();
      return new Request(undefined);
    },
  };
  const storage = { estimate: () => Promise.resolve({ quota, usage: 0 }) };
  Object.defineProperty(globalThis, "navigator", {
    value: { userAgent: "node", storage },
    configurable: true,
  });
  return disk;
}
