/**
 * Segments between visits (`diskCache`), in IndexedDB, for all tabs of a site: what was kept, what is wanted of it, and
 * what gives way. Why IndexedDB: docs/benchmarks.md.
 *
 * Invariant: it is never in anybody's way. Whatever the browser refuses is a miss or is not kept; nothing throws. It
 * never holds more than its limit, and believes nothing: who reads compares with the ROOT, which is the name here.
 */

import type { WasmEngine } from "./engine-module.js";

/** What is known of a kept segment, apart from its bytes. */
interface Use {
  root: ArrayBuffer;
  bytes: number;
  /** When it was last written or read, milliseconds since 1970. */
  used: number;
}

/** A segment that waits to be written. */
interface Waiting {
  root: Uint8Array<ArrayBuffer>;
  bytes: Uint8Array<ArrayBuffer>;
}

type Call = (act: (engine: WasmEngine) => void) => void;

const NAME = "swarmline";
const BYTES = "bytes";
const USES = "uses";
/** One number: bytes of all of them. */
const SUM = "sum";
/** `diskCache: true`: no more than this, and than a tenth of what the browser grants the site. */
const DEFAULT_BYTES = 2 ** 30;
const DEFAULT_PART = 0.1;
/** A page's own number: no more than this part of it. */
const OWN_PART = 0.5;
/** What is larger than this part of the limit would drive out too much else. */
const ONE_PART = 0.25;
/** Room is made for so much more than is needed, as a part of the limit. */
const SPARE_PART = 0.05;
/** Contents that an engine is told of, those that were used last. */
const TOLD_MAX = 20_000;
/** Bytes that may wait to be written, beside those of the memory's cache; what comes beyond is not kept. */
const WAITING_MAX = 64 * 2 ** 20;
/** A use is noted again no sooner, ms: a note is a write. */
const NOTE_EVERY_MS = 600_000;
/** Longest that what nobody waits for waits for an idle moment, ms. */
const IDLE_MS = 1000;

/** The site's segments on this disk. */
export class DiskCache {
  readonly #opened: Promise<IDBDatabase | undefined>;
  #limit = 0;
  #waiting: Waiting[] = [];
  #writing = false;
  #off = "it has not been opened yet";
  /** Bytes that were here when it was opened, or when this tab last wrote. */
  #held = 0;

  /** Opens it; `asked` is the option: bytes, or `true`. */
  constructor(asked: number | true) {
    this.#opened = this.#open(asked).catch((error: unknown) => {
      this.#off = error instanceof Error ? error.message : String(error);
      return undefined;
    });
  }

  /** Its state in a line, for people. */
  get told(): string {
    if (this.#off !== "") return `off: ${this.#off}`;
    const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
    return `${megabytes(this.#held)} of at most ${megabytes(this.#limit)} MB`;
  }

  /** What an engine may call of it, and how it answers: by `call`, which may come to nothing. */
  attach(call: Call): object {
    // One that cannot be read is one that nobody is told of.
    this.#tell(call).catch(() => undefined);
    return {
      keep: (root: Uint8Array, bytes: Uint8Array<ArrayBuffer>) => {
        const waiting = this.#waiting.reduce((all, { bytes }) => all + bytes.length, 0);
        if (waiting + bytes.length <= WAITING_MAX && this.#off === "") {
          // The name lies in the engine's memory, which is the engine's again in a moment.
          this.#waiting.push({ root: root.slice(), bytes });
          this.#write();
        }
      },
      readKept: (segment: number, name: Uint8Array, atLeisure: boolean) => {
        const root = name.slice();
        const read = async (): Promise<void> => {
          const bytes = await this.#read(root).catch(() => undefined);
          call((engine) => engine.keptRead?.(segment, bytes));
        };
        if (atLeisure) whenIdle(read);
        else void read();
      },
    };
  }

  async #open(asked: number | true): Promise<IDBDatabase> {
    const storage = globalThis.navigator?.storage;
    if (typeof storage?.estimate !== "function" || globalThis.indexedDB === undefined)
      throw new Error("this page has no storage (it takes HTTPS, and a browser that grants it)");
    const { quota = 0 } = await storage.estimate();
    this.#limit =
      asked === true
        ? Math.min(DEFAULT_BYTES, quota * DEFAULT_PART)
        : Math.min(asked, quota * OWN_PART);
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(BYTES);
      opening.result.createObjectStore(SUM);
      opening.result.createObjectStore(USES, { keyPath: "root" }).createIndex("used", "used");
    };
    const db = await answer(opening);
    // Somebody clears it: what is played from here on is not kept either.
    const end = (): void => {
      this.#off = "it was cleared";
      this.#waiting = [];
      db.close();
    };
    db.onversionchange = end;
    db.onclose = end;
    this.#off = "";
    return db;
  }

  async #tell(call: Call): Promise<void> {
    const db = await this.#opened;
    if (db === undefined) return;
    const all = await usesOf(db.transaction(USES));
    this.#held = sum(all);
    const uses = all.slice(-TOLD_MAX);
    const roots = new Uint8Array(uses.length * 32);
    uses.forEach(({ root }, at) => {
      roots.set(new Uint8Array(root).subarray(0, 32), at * 32);
    });
    call((engine) => engine.kept?.(roots));
  }

  async #read(root: Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined> {
    const db = await this.#opened;
    if (db === undefined || this.#off !== "") return undefined;
    const found = db.transaction([BYTES, USES]);
    const [blob, use] = await Promise.all([
      answer<unknown>(found.objectStore(BYTES).get(root)),
      answer<Use | undefined>(found.objectStore(USES).get(root)),
    ]);
    if (!(blob instanceof Blob) || use === undefined) return undefined;
    const now = Date.now();
    if (now - use.used > NOTE_EVERY_MS) {
      const note = db.transaction(USES, "readwrite", { durability: "relaxed" });
      note.objectStore(USES).put({ ...use, used: now });
    }
    return new Uint8Array(await blob.arrayBuffer());
  }

  /** Writes what waits, one at a time, when the page has nothing better to do. */
  #write(): void {
    const next = this.#waiting[0];
    if (next === undefined || this.#writing) return;
    this.#writing = true;
    whenIdle(async () => {
      await this.#put(next).catch(() => this.#shrink().catch(() => undefined));
      this.#waiting.shift();
      this.#writing = false;
      this.#write();
    });
  }

  async #put({ root, bytes }: Waiting): Promise<void> {
    const db = await this.#opened;
    if (db === undefined || this.#off !== "" || bytes.length > this.#limit * ONE_PART) return;
    const change = db.transaction([BYTES, USES, SUM], "readwrite", { durability: "relaxed" });
    const done = ended(change);
    const [held = 0, known] = await Promise.all([
      answer<number | undefined>(change.objectStore(SUM).get(0)),
      answer<Use | undefined>(change.objectStore(USES).get(root)),
    ]);
    // Another tab may have written since; this one overwrites what it has refused.
    this.#held = held - (known?.bytes ?? 0);
    change.objectStore(USES).delete(root);
    if (this.#held + bytes.length > this.#limit)
      await this.#makeRoom(change, bytes.length + this.#limit * SPARE_PART);
    this.#held += bytes.length;
    change.objectStore(USES).put({ root: root.buffer, bytes: bytes.length, used: Date.now() });
    // As a blob it costs this thread one copy, and nothing when it is read back.
    change.objectStore(BYTES).put(new Blob([bytes]), root);
    change.objectStore(SUM).put(this.#held, 0);
    await done;
  }

  /** Lets go of what was used longest ago until so many bytes fit in; tabs that read it find nothing. */
  async #makeRoom(change: IDBTransaction, length: number): Promise<void> {
    const uses = await usesOf(change);
    this.#held = sum(uses);
    for (const { root, bytes } of uses) {
      if (this.#held + length <= this.#limit) break;
      change.objectStore(BYTES).delete(root);
      change.objectStore(USES).delete(root);
      this.#held -= bytes;
    }
    change.objectStore(SUM).put(this.#held, 0);
  }

  /** The browser has less room than it said: half of what is here has to do from now on. */
  async #shrink(): Promise<void> {
    const db = await this.#opened;
    if (db === undefined || this.#off !== "") return;
    const change = db.transaction([BYTES, USES, SUM], "readwrite");
    const done = ended(change);
    this.#limit = sum(await usesOf(change)) / 2;
    await this.#makeRoom(change, 0);
    await done;
  }
}

/** Forgets all segments that any page of this site has kept; pages that are open keep no more. */
export async function clear(): Promise<void> {
  if (globalThis.indexedDB !== undefined) await answer(indexedDB.deleteDatabase(NAME));
}

/** Oldest use first. */
function usesOf(change: IDBTransaction): Promise<Use[]> {
  return answer<Use[]>(change.objectStore(USES).index("used").getAll());
}

const sum = (uses: Use[]): number => uses.reduce((all, { bytes }) => all + bytes, 0);

function whenIdle(act: () => Promise<void>): void {
  // Not every Safari has it.
  if (typeof requestIdleCallback === "function")
    requestIdleCallback(() => void act(), { timeout: IDLE_MS });
  else setTimeout(() => void act(), 50);
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function ended(change: IDBTransaction): Promise<void> {
  const end = new Promise<void>((resolve, reject) => {
    change.oncomplete = () => resolve();
    change.onabort = () => reject(change.error);
  });
  // Whose request has failed does not come to await it; that is no error of the page's.
  end.catch(() => undefined);
  return end;
}
