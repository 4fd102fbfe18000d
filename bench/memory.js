// @ts-check
// Memory over a long run: viewers of the live stream, the engine's memory and the page's, minute by minute.

import { Viewer, hlsBuilds } from "../tests/browser/harness.js";
import { log, wait } from "./measure.js";
import { megabytes, printTable } from "./table.js";

/** @param {import("playwright-core").Browser} browser @param {import("../tests/browser/harness.js").Origin} origin @param {import("./browser.js").Settings} settings */
export async function memory(browser, origin, settings) {
  const swarm = { trackerUrls: [origin.trackerUrl], stunServers: [] };
  const viewers = [];
  for (let at = 0; at < Math.min(settings.viewers, 3); at += 1) {
    const options = {
      src: origin.at("/live/index.m3u8"),
      hls: hlsBuilds["1.7"],
      swarm,
      hash: false,
    };
    viewers.push(await Viewer.open(browser, origin, options));
  }
  const samples = [];
  for (let minute = 1; minute <= settings.minutes; minute += 1) {
    await wait(60);
    const states = await Promise.all(viewers.map((viewer) => viewer.state()));
    const sample = {
      minute,
      wasmBytes: Math.max(...states.map(({ stats }) => stats?.wasmMemoryBytes ?? 0)),
      heapBytes: Math.max(...states.map(({ memoryBytes }) => memoryBytes)),
      peerBytes: states.reduce((total, { stats }) => total + (stats?.peerBytes ?? 0), 0),
      stalls: states.reduce((total, { stalls }) => total + stalls.length, 0),
    };
    samples.push(sample);
    log(
      `minute ${minute}: wasm ${megabytes(sample.wasmBytes)}, page ${megabytes(sample.heapBytes)}, ${sample.stalls} stalls`,
    );
  }
  await Promise.all(viewers.map((viewer) => viewer.close()));
  const shown = samples.filter(
    ({ minute }) => minute === 1 || minute % 5 === 0 || minute === settings.minutes,
  );
  if (!settings.json) {
    printTable(
      `Memory, ${viewers.length} live viewers`,
      shown.map(({ minute }) => `min ${minute}`),
      [
        ["engine (wasm), largest", ...shown.map(({ wasmBytes }) => megabytes(wasmBytes))],
        ["page (JS heap), largest", ...shown.map(({ heapBytes }) => megabytes(heapBytes))],
        ["from peers so far", ...shown.map(({ peerBytes }) => megabytes(peerBytes))],
        ["stalls so far", ...shown.map(({ stalls }) => stalls)],
      ],
    );
  }
  return { samples };
}
