// @ts-check
// The page of `bench/verify.js`: gives the engine segments out of memory, as if a CDN had sent them, and
// says how long it took until each was handed over and verified; beside it the platform alone, with the
// same bytes in the same blocks. No player, no network, no peers: what is left is the way of a byte through the engine.

import { hlsEngine, Session } from "/dist/engine-hls.js";

/** Bytes of a block, of what comes at once (a message of a peer, a read of a response), of a segment. */
const blockLength = 16 * 1024;
const chunkLength = 64 * 1024;
const segmentLength = 8 * 2 ** 20;
/** A long read of a fast response: more blocks than a slice of hashing by hand has time for. */
const slowChunkLength = 2 ** 20;
/** Segments on their way at the same time. */
const segmentsAhead = 3;
const streamUrl = "https://cdn.invalid/index.m3u8";

/** @typedef {{ name: string, url: string, bytes: Uint8Array<ArrayBuffer>, root: string }} Segment */
/** @typedef {{ ms: number, bytes: number }} Took */

const filling = new Uint8Array(segmentLength);
for (let at = 0; at < segmentLength; at += 65_536) {
  crypto.getRandomValues(filling.subarray(at, at + 65_536));
}

/** Warnings of the engine since the page began. @type {string[]} */
const warnings = [];

/** Segments that differ in their first bytes only; their digests are given, because an insecure page has none. @param {string[]} roots */
const segmentsOf = (roots) =>
  roots.map((root, number) => {
    const bytes = filling.slice();
    new DataView(bytes.buffer).setUint32(0, number);
    return { name: `s${number}`, url: `https://cdn.invalid/s${number}`, bytes, root };
  });

/** @param {Segment[]} segments */
function playlist(segments) {
  const head = ["#EXTM3U", "#EXT-X-TARGETDURATION:4", "#EXT-X-PLAYLIST-TYPE:VOD"];
  const lines = segments.flatMap(({ name, bytes, root }) => [
    `#EXT-X-SWARMLINE-DIGEST:SIZE=${bytes.length},ROOT="${root}"`,
    "#EXTINF:4,",
    name,
  ]);
  return `${[...head, ...lines, "#EXT-X-ENDLIST"].join("\n")}\n`;
}

/** An engine that knows the segments. @param {Segment[]} segments */
async function session(segments) {
  const Engine = await hlsEngine.load(undefined);
  const config = {
    ...{ enabled: true, maxPeers: 0, segmentTimeout: 10_000, cdnFallbackDelay: 800 },
    ...{ uploadLimit: 0, trackerUrls: [], stunServers: [], turnServers: [], integrity: "require" },
    ...{ memoryLimitBytes: (segments.length + 1) * segmentLength, mode: "on" },
  };
  const engine = new Session(/** @type {any} */ (config), streamUrl, (event) => {
    if (event.type === "warning") warnings.push(String(event["code"]));
    if (event.type === "panic") warnings.push(`panic: ${event["message"]}`);
  });
  engine.start(Engine);
  engine.manifest(streamUrl, playlist(segments));
  return engine;
}

/**
 * One segment through the engine; done when it is handed over, which from a CDN is before the verdict.
 * @param {Session} engine
 * @param {Segment} segment
 * @param {(give: (chunk: Uint8Array) => void, end: () => void) => void} feed sends the chunks
 * @returns {Promise<void>}
 */
function through(engine, { url, bytes }, feed) {
  return new Promise((resolve, reject) => {
    engine.load({
      ...{ url, start: 0, end: 0, progress: () => undefined },
      ready: (whole) =>
        whole.byteLength === bytes.length ? resolve() : reject(new Error(`${url}: another length`)),
      failed: (status) => reject(new Error(`${url}: ${status}`)),
      pass: () => reject(new Error(`${url}: left to the player`)),
      fetch: (_ask, sink) => {
        queueMicrotask(() => {
          sink.head(200, bytes.length, false);
          feed(
            (chunk) => sink.body(chunk),
            () => sink.done(),
          );
        });
        return { stop: () => undefined };
      },
    });
  });
}

/** What came from the CDN is handed over before it is verified; it counts here when it may be shared. @param {Session} engine @param {() => boolean} verified */
async function until(engine, verified) {
  const patience = performance.now() + 60_000;
  while (!verified()) {
    if (performance.now() > patience) throw new Error(JSON.stringify(engine.stats()));
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** @param {Session} engine @param {Segment[]} segments */
const untilVerified = (engine, segments) =>
  until(engine, () => engine.stats().cacheSegments === segments.length);

/** Chunks as fast as they are taken. @param {Segment} segment @param {number} length of a chunk */
const atOnce =
  ({ bytes }, length) =>
  (/** @type {(chunk: Uint8Array) => void} */ give, /** @type {() => void} */ end) => {
    for (let at = 0; at < bytes.length; at += length) give(bytes.slice(at, at + length));
    end();
  };

/** Every segment through one engine, a few at a time. @param {Segment[]} segments @param {number} length of a chunk @returns {Promise<Took>} */
async function engineRate(segments, length = chunkLength) {
  const engine = await session(segments);
  const started = performance.now();
  let next = 0;
  const lane = async () => {
    for (let at = next++; at < segments.length; at = next++) {
      const segment = segments[at];
      if (segment) await through(engine, segment, atOnce(segment, length));
    }
  };
  await Promise.all(Array.from({ length: segmentsAhead }, lane));
  await untilVerified(engine, segments);
  const ms = performance.now() - started;
  engine.close();
  return { ms, bytes: segments.length * segmentLength };
}

/**
 * What the engine does with bytes and nothing of what it thinks: chunks come, are copied into their segment,
 * WebCrypto digests their blocks, and the segment is copied once more for the player. A few segments at a
 * time, as for the engine.
 * @param {Segment[]} segments
 * @param {boolean} digested
 * @returns {Promise<Took>}
 */
async function movedRate(segments, digested) {
  const started = performance.now();
  let next = 0;
  const lane = async () => {
    for (let at = next++; at < segments.length; at = next++) {
      const segment = segments[at];
      if (!segment) continue;
      const place = new Uint8Array(segmentLength);
      /** @type {Promise<ArrayBuffer>[]} */
      const digests = [];
      for (let start = 0; start < segmentLength; start += chunkLength) {
        place.set(segment.bytes.slice(start, start + chunkLength), start);
        for (let at = start; digested && at < start + chunkLength; at += blockLength) {
          digests.push(crypto.subtle.digest("SHA-256", place.subarray(at, at + blockLength)));
        }
      }
      await Promise.all(digests);
      place.buffer.slice(0);
    }
  };
  await Promise.all(Array.from({ length: segmentsAhead }, lane));
  return { ms: performance.now() - started, bytes: segments.length * segmentLength };
}

/** @param {Segment[]} segments */
const copyRate = (segments) => movedRate(segments, false);
/** @param {Segment[]} segments */
const straightRate = (segments) => movedRate(segments, true);

/** The platform's digests of every block where it lies, so many at a time. @param {Segment[]} segments @param {number} abreast @returns {Promise<Took>} */
async function platformRate(segments, abreast) {
  const perSegment = segmentLength / blockLength;
  const blocks = segments.length * perSegment;
  const started = performance.now();
  let next = 0;
  const lane = async () => {
    for (let at = next++; at < blocks; at = next++) {
      const bytes = segments[Math.floor(at / perSegment)]?.bytes ?? filling;
      const start = (at % perSegment) * blockLength;
      const block = bytes.subarray(start, start + blockLength);
      await crypto.subtle.digest("SHA-256", block);
    }
  };
  await Promise.all(Array.from({ length: abreast }, lane));
  return { ms: performance.now() - started, bytes: blocks * blockLength };
}

/**
 * Chunks at a steady rate for some seconds. `feed` copies them into a segment and the segment once more,
 * as any shell would; `platform` digests their blocks beside that; `engine` gives them to the engine.
 * @param {"feed" | "platform" | "engine"} kind
 * @param {Segment[]} segments
 * @param {number} bitsPerSecond
 */
async function paced(kind, segments, bitsPerSecond) {
  const engine = kind === "engine" ? await session(segments) : null;
  const chunkMs = (chunkLength * 8 * 1000) / bitsPerSecond;
  let due = performance.now();
  const turn = () => {
    due += chunkMs;
    return new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
  };
  const started = performance.now();
  for (const segment of segments) {
    if (engine) {
      await through(engine, segment, async (give, end) => {
        for (let at = 0; at < segmentLength; at += chunkLength) {
          await turn();
          give(segment.bytes.slice(at, at + chunkLength));
        }
        end();
      });
      continue;
    }
    const place = new Uint8Array(segmentLength);
    for (let at = 0; at < segmentLength; at += chunkLength) {
      await turn();
      place.set(segment.bytes.slice(at, at + chunkLength), at);
      if (kind === "feed") continue;
      for (let start = at; start < at + chunkLength; start += blockLength) {
        crypto.subtle.digest("SHA-256", place.subarray(start, start + blockLength));
      }
    }
    place.buffer.slice(0);
  }
  if (engine) await untilVerified(engine, segments);
  engine?.close();
  return performance.now() - started;
}

/** Hashing by hand, where there is no WebCrypto. @param {Segment[]} segments @returns {Promise<Took>} */
function byHandRate(segments) {
  if (window.isSecureContext) throw new Error(`${location.origin} is a secure context`);
  return engineRate(segments, slowChunkLength);
}

/** A segment with one wrong byte: the engine must say so, or nothing here measures verification. @param {Segment[]} segments */
async function refusesWrongByte(segments) {
  const [segment] = segments;
  if (!segment) return false;
  const engine = await session(segments);
  const bytes = segment.bytes.slice();
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  const damaged = { ...segment, bytes };
  await through(engine, damaged, atOnce(damaged, chunkLength));
  await until(engine, () => warnings.length > 0);
  engine.close();
  return warnings.splice(0).includes("cdn-mismatch");
}

/** The page's filling, for whoever can digest it. */
const fillingText = () => {
  let text = "";
  for (let at = 0; at < filling.length; at += 8_192) {
    text += String.fromCharCode(...filling.subarray(at, at + 8_192));
  }
  return btoa(text);
};

const measured = {
  ...{
    segmentsOf,
    engineRate,
    copyRate,
    straightRate,
    platformRate,
    paced,
    byHandRate,
    refusesWrongByte,
    fillingText,
  },
  warnings,
};
Object.assign(window, { measured });

/** @typedef {typeof measured} Measured */
