// @ts-check
// What an engine of this page makes of an MPD, as this browser's own parser reads it: asked for addresses, it says
// which segment each one is. Its fetches are answered here, with as many bytes as were asked for. It judges nothing.

import init, { SwarmEngine } from "/wasm/swarmline-dash.js";

/** @typedef {{ url: string, start: number, end: number }} Address */
/** @typedef {{ url: string, first: number, bytes: number[] }} Index as a player loads it */
/** @typedef {{ track: string, number: number } | null} Place nothing where the engine does not know it */

const ready = init({ module_or_path: "/dist/swarmline-dash.wasm" });
const config = {
  ...{
    enabled: true,
    maxPeers: 1,
    segmentTimeout: 10_000,
    cdnFallbackDelay: 1_000,
    uploadLimit: 0,
  },
  ...{ trackerUrls: [], swarmId: "lists", integrity: "off", memoryLimitBytes: 2 ** 28 },
  webRtc: false,
};

/**
 * @param {{ url: string, text: string, nowMs: number, addresses: Address[], indexes?: Index[] }} asked
 * @returns {Promise<Place[]>}
 */
async function placesOf({ url, text, nowMs, addresses, indexes = [] }) {
  await ready;
  /** Who waits: one at a time, so that what is told is told of it. @type {(place: Place) => void} */
  let settle = () => undefined;
  const quiet = () => undefined;
  const engine = new SwarmEngine(config, {
    ...{ ready: quiet, failed: quiet, progress: quiet, stopFetch: quiet, fetchText: quiet },
    pass: () => settle(null),
    startFetch: (/** @type {number[]} */ ...[fetch = 0, , , start = 0, end = 0]) => {
      const isRange = end > start;
      const bytes = new Uint8Array(isRange ? end - start : 16);
      queueMicrotask(() => {
        engine.fetchHead(fetch, isRange ? 206 : 200, bytes.length, isRange);
        engine.fetchBody(fetch, bytes);
        engine.fetchDone(fetch);
      });
    },
    event: (/** @type {any} */ { type, track, number }) => {
      if (type === "segment") settle({ track, number: Number(number) });
    },
  });
  engine.mpd(url, text, nowMs);
  for (const index of indexes) engine.index(index.url, index.first, Uint8Array.from(index.bytes));
  /** @type {Place[]} */
  const places = [];
  for (const [at, { url: address, start, end }] of addresses.entries()) {
    const place = await new Promise((resolve) => {
      settle = resolve;
      engine.load(at + 1, address, start, end, true);
    });
    places.push(place);
  }
  engine.shutdown();
  return places;
}

Object.assign(window, { placesOf });
