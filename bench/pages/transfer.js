// @ts-check
// The page of `bench/transfer.js`, opened twice: one page holds segments, the other gets all of them from
// it, through the engine or over a bare data channel. No player and no CDN: what is left is a byte's way
// from one page into the other. It measures time only; the script counts the processor's.

import { hlsEngine, Session } from "/dist/engine-hls.js";

/** Bytes of a block and of a segment: 4 s at 4 Mbit/s. */
const blockLength = 16 * 1024;
const segmentLength = 2 * 2 ** 20;
/** Bytes that a bare channel may have waiting: filled up when no more than half of it is left. */
const queueLength = 256 * 1024;
const streamUrl = "https://cdn.invalid/index.m3u8";

/** @typedef {{ ms: number, bytes: number, firstSecondBytes: number, fetches: number }} Took */

/** Bytes that look like nothing, the same ones in both pages (xorshift, Marsaglia 2003). */
const filling = new Uint8Array(segmentLength);
const words = new Uint32Array(filling.buffer);
for (let at = 0, state = 2463534242; at < words.length; at += 1) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  words[at] = state;
}

/** A segment's bytes: the filling with its number in front. @param {number} number */
function segmentOf(number) {
  const bytes = filling.slice();
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

/** @param {Uint8Array<ArrayBuffer>[]} parts */
async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer()));
}

/** A playlist with the segments' digests. @param {number} count */
async function playlist(count) {
  const first = segmentOf(0).subarray(0, blockLength);
  const leaves = [];
  for (let at = blockLength; at < segmentLength; at += blockLength)
    leaves.push(await sha256(filling.subarray(at, at + blockLength)));
  const lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:4", "#EXT-X-PLAYLIST-TYPE:VOD"];
  for (let number = 0; number < count; number += 1) {
    new DataView(first.buffer).setUint32(0, number);
    let row = [await sha256(first), ...leaves];
    while (row.length > 1) {
      const above = [];
      for (let at = 0; at < row.length; at += 2) above.push(await sha256(...row.slice(at, at + 2)));
      row = above;
    }
    const root = btoa(String.fromCharCode(...(row[0] ?? [])));
    const digest = `SIZE=${segmentLength},ROOT="${root}"`;
    lines.push(`#EXT-X-SWARMLINE-DIGEST:${digest}`, "#EXTINF:4,", `s${number}`);
  }
  return `${[...lines, "#EXT-X-ENDLIST"].join("\n")}\n`;
}

/** @type {Session} */
let engine;
let fetches = 0;
/** @type {string[]} */
const warnings = [];

/**
 * An engine that knows the segments and holds none.
 * @param {{ trackerUrl: string, swarmId: string, count: number, uploadLimit?: number }} swarm
 */
async function join({ trackerUrl, swarmId, count, uploadLimit = Number.POSITIVE_INFINITY }) {
  const Engine = await hlsEngine.load(undefined);
  const config = {
    ...{ enabled: true, maxPeers: 4, segmentTimeout: 60_000, cdnFallbackDelay: 5_000, swarmId },
    ...{ uploadLimit, trackerUrls: [trackerUrl], stunServers: [] },
    ...{ turnServers: [], integrity: "require", mode: "on" },
    memoryLimitBytes: (count + 1) * segmentLength,
  };
  engine = new Session(/** @type {any} */ (config), streamUrl, (event) => {
    if (event.type === "warning") warnings.push(String(event["message"]));
    if (event.type === "panic") warnings.push(`panic: ${event.message}`);
  });
  engine.start(Engine);
  engine.manifest(streamUrl, await playlist(count));
}

/**
 * One segment, by whatever way the engine takes; an origin that is `there` gives it at once, another never.
 * @param {number} number
 * @param {boolean} there
 * @returns {Promise<void>}
 */
function load(number, there) {
  const url = `https://cdn.invalid/s${number}`;
  // A buffer this long never makes anybody hurry, so the race leaves time to the peer.
  engine.playback(there ? 0 : 60_000, 1, true);
  return new Promise((resolve, reject) => {
    engine.load({
      ...{ url, start: 0, end: 0, progress: () => undefined },
      ready: (bytes) =>
        bytes.byteLength === segmentLength ? resolve() : reject(new Error(`${url}: too short`)),
      failed: (status) => reject(new Error(`${url}: ${status}`)),
      pass: () => reject(new Error(`${url}: left to the player`)),
      fetch: (_ask, sink) => {
        fetches += 1;
        if (there)
          queueMicrotask(() => {
            sink.head(200, segmentLength, false);
            sink.body(segmentOf(number));
            sink.done();
          });
        return { stop: () => undefined };
      },
    });
  });
}

/** Takes all segments from the origin, to have them for others. @param {number} count */
async function hold(count) {
  for (let number = 0; number < count; number += 1) await load(number, true);
  await until(() => engine.stats().cacheSegments === count);
}

/** Waits for a peer that holds all segments. @param {number} count */
const meet = (count) => until(() => engine.stats().peers?.[0]?.segments === count);

/** @param {() => boolean} done */
async function until(done) {
  const patience = performance.now() + 60_000;
  while (!done()) {
    if (performance.now() > patience) throw new Error(JSON.stringify(engine.stats()));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Takes segments from peers, so many of them at a time.
 * @param {number} first
 * @param {number} count
 * @param {number} ahead
 * @returns {Promise<Took>}
 */
async function take(first, count, ahead) {
  const started = performance.now();
  const had = engine.stats().peerBytes ?? 0;
  const early = setTimeout(() => (firstSecondBytes = (engine.stats().peerBytes ?? 0) - had), 1_000);
  let firstSecondBytes = count * segmentLength;
  let next = first;
  const lane = async () => {
    while (next < first + count) await load(next++, false);
  };
  await Promise.all(Array.from({ length: ahead }, lane));
  clearTimeout(early);
  const ms = performance.now() - started;
  if (warnings.length > 0) throw new Error(`the engine warned: ${warnings.join(", ")}`);
  return { ms, bytes: count * segmentLength, firstSecondBytes, fetches };
}

/** @type {RTCPeerConnection} */
let connection;
/** @type {RTCDataChannel} */
let channel;

/** A bare connection's description, complete. @param {string | null} offer null makes one @returns {Promise<string>} */
async function describe(offer) {
  connection = new RTCPeerConnection();
  channel = connection.createDataChannel("raw", { negotiated: true, id: 1, ordered: false });
  channel.binaryType = "arraybuffer";
  if (offer) await connection.setRemoteDescription({ type: "offer", sdp: offer });
  await connection.setLocalDescription();
  while (connection.iceGatheringState !== "complete")
    await new Promise((resolve) => (connection.onicegatheringstatechange = resolve));
  return connection.localDescription?.sdp ?? "";
}

/** @param {string} answer */
const connect = (answer) => connection.setRemoteDescription({ type: "answer", sdp: answer });

/** Waits until the bare channel is open. */
async function opened() {
  while (channel.readyState !== "open") await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Pumps so many bytes in messages of `length`. @param {number} bytes @param {number} length @returns {Promise<void>} */
function pump(bytes, length) {
  const message = filling.slice(0, length);
  let left = bytes;
  return new Promise((resolve) => {
    const fill = () => {
      for (; left > 0 && channel.bufferedAmount <= queueLength / 2; left -= length)
        channel.send(message);
      if (left <= 0) resolve();
    };
    channel.bufferedAmountLowThreshold = queueLength / 2;
    channel.onbufferedamountlow = fill;
    fill();
  });
}

/**
 * Receives so many bytes. With `verified` it does with them what every verifying receiver must: each
 * message is copied to its place, its blocks are digested, and each segment is copied for the player.
 * @param {number} bytes
 * @param {boolean} verified
 * @returns {Promise<Took>}
 */
async function drain(bytes, verified) {
  let place = new Uint8Array(segmentLength);
  let started = 0;
  let received = 0;
  let firstSecondBytes = bytes;
  /** @type {Promise<ArrayBuffer>[]} */
  const digests = [];
  await new Promise((resolve) => {
    channel.onmessage = ({ data }) => {
      const now = performance.now();
      // The first message's way is not seen; its bytes do not count either.
      if (started === 0) started = now;
      if (firstSecondBytes === bytes && now - started > 1_000) firstSecondBytes = received;
      if (verified) {
        const at = received % segmentLength;
        place.set(new Uint8Array(data), at);
        for (let start = at; start < at + data.byteLength; start += blockLength)
          digests.push(crypto.subtle.digest("SHA-256", place.subarray(start, start + blockLength)));
        if (at + data.byteLength === segmentLength) {
          place.buffer.slice(0);
          place = new Uint8Array(segmentLength);
        }
      }
      received += data.byteLength;
      if (received >= bytes) resolve(null);
    };
  });
  await Promise.all(digests);
  return { ms: performance.now() - started, bytes, firstSecondBytes, fetches: 0 };
}

const transfer = {
  ...{ segmentLength, join, hold, meet, take, describe, connect, opened, pump, drain },
};
Object.assign(window, { transfer });

/** @typedef {typeof transfer} Transfer */
