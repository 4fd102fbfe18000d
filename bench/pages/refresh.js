// @ts-check
// The page of `bench/refresh.js`: gives the engine a live playlist that slides by one segment a time, as a
// player would after each reload, and says how long each call took. No player, no network.

import { hlsEngine, Session } from "/dist/engine-hls.js";

const streamUrl = "https://cdn.invalid/live.m3u8";

/** @typedef {{ length: number, textBytes: number, firstMs: number, refreshMs: number[], splitMs: number[] }} Refreshed */

/** A signed segment with a date, as long live windows have them. @param {number} number */
function segment(number) {
  const date = new Date(Date.UTC(2026, 0, 1) + number * 4_000).toISOString();
  const root = btoa(String(number).padStart(32, "r"));
  return `#EXT-X-PROGRAM-DATE-TIME:${date}
#EXT-X-SWARMLINE-DIGEST:SIZE=${600_000 + number},ROOT="${root}"
#EXTINF:4.000,
video/segment-${number}.m4s
`;
}

/** @param {number} first @param {string[]} segments */
const playlist = (first, segments) =>
  `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:${first}
#EXT-X-MAP:URI="video/init.mp4"
${segments.join("")}`;

/** A text as a response brings it: in one piece. @param {string} text */
const received = (text) => new TextDecoder().decode(new TextEncoder().encode(text));

/** @param {() => void} work */
function took(work) {
  const started = performance.now();
  work();
  return performance.now() - started;
}

/**
 * A window of `length` segments, read once and refreshed `rounds` times.
 * @param {number} length
 * @param {number} rounds
 * @returns {Promise<Refreshed>}
 */
async function refreshed(length, rounds) {
  const Engine = await hlsEngine.load(undefined);
  const config = {
    ...{ enabled: true, maxPeers: 0, segmentTimeout: 10_000, cdnFallbackDelay: 800 },
    ...{ uploadLimit: 0, trackerUrls: [], stunServers: [], turnServers: [], integrity: "require" },
    ...{ memoryLimitBytes: 1 << 20, mode: "on" },
  };
  /** @type {string[]} */
  const complaints = [];
  const engine = new Session(/** @type {any} */ (config), streamUrl, (event) => {
    if (event.type === "warning" || event.type === "panic") complaints.push(JSON.stringify(event));
  });
  engine.start(Engine);
  const segments = Array.from({ length }, (_, at) => segment(at));
  let text = received(playlist(0, segments));
  const firstMs = took(() => engine.manifest(streamUrl, text));
  const refreshMs = [];
  const splitMs = [];
  for (let round = 1; round <= rounds; round += 1) {
    segments.shift();
    segments.push(segment(length + round - 1));
    text = received(playlist(round, segments));
    refreshMs.push(took(() => engine.manifest(streamUrl, text)));
    splitMs.push(took(() => text.split("\n")));
  }
  engine.close();
  if (complaints.length > 0) throw new Error(complaints.join(", "));
  return { length, textBytes: text.length, firstMs, refreshMs, splitMs };
}

Object.assign(window, { refreshed });
