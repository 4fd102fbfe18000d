// @ts-check
// Memory over a long run: viewers of the live stream beside a plain one, the engine's memory and the
// pages', minute by minute. The plain viewer tells what the machine and the player do alone.

import { Viewer, hlsBuilds } from "../tests/browser/harness.js";
import { log, wait } from "./measure.js";
import { megabytes, printTable } from "./table.js";

/** @param {import("./browser.js").Scene} scene */
export async function memory({ browser, origin, settings }) {
  const swarm = { trackerUrls: [origin.trackerUrl], stunServers: [] };
  const options = { src: origin.at("/live/index.m3u8"), hls: hlsBuilds["1.7"], hash: false };
  const plain = await Viewer.open(browser, origin, { ...options, swarm: null });
  const viewers = [];
  for (let at = 0; at < Math.min(settings.viewers ?? 3, 3); at += 1) {
    viewers.push(await Viewer.open(browser, origin, { ...options, swarm }));
  }
  const samples = [];
  for (let minute = 1; minute <= settings.minutes; minute += 1) {
    await wait(60);
    const [alone, ...states] = await Promise.all(
      [plain, ...viewers].map((viewer) => viewer.state()),
    );
    const sample = {
      minute,
      wasmBytes: Math.max(...states.map(({ stats }) => stats?.wasmMemoryBytes ?? 0)),
      heapBytes: Math.max(...states.map(({ memoryBytes }) => memoryBytes)),
      peerBytes: states.reduce((total, { stats }) => total + (stats?.peerBytes ?? 0), 0),
      stalls: Math.max(...states.map(({ stalls }) => stalls.length)),
      plainHeapBytes: alone?.memoryBytes ?? 0,
      plainStalls: alone?.stalls.length ?? 0,
    };
    samples.push(sample);
    log(
      `minute ${minute}: wasm ${megabytes(sample.wasmBytes)}, page ${megabytes(sample.heapBytes)} (plain ${megabytes(sample.plainHeapBytes)}), ${sample.stalls} stalls (plain ${sample.plainStalls})`,
    );
  }
  await Promise.all([plain, ...viewers].map((viewer) => viewer.close()));
  const shown = samples.filter(
    ({ minute }) => minute === 1 || minute % 5 === 0 || minute === settings.minutes,
  );
  if (!settings.json) {
    printTable(
      `Memory, ${viewers.length} live viewers beside a plain one`,
      shown.map(({ minute }) => `min ${minute}`),
      [
        ["engine (wasm), largest", ...shown.map(({ wasmBytes }) => megabytes(wasmBytes))],
        ["page (JS heap), largest", ...shown.map(({ heapBytes }) => megabytes(heapBytes))],
        ["plain page", ...shown.map(({ plainHeapBytes }) => megabytes(plainHeapBytes))],
        ["from peers so far", ...shown.map(({ peerBytes }) => megabytes(peerBytes))],
        ["stalls so far, most of one viewer", ...shown.map(({ stalls }) => stalls)],
        ["plain", ...shown.map(({ plainStalls }) => plainStalls)],
      ],
    );
  }
  return { samples };
}
