// @ts-check
// Start-up: from «scripts loaded» to the first frame, plain and with the swarm in turn, beside a second
// plain one as control. A viewer with the swarm watches all the while, so that there is somebody to meet. With
// hls.js, and with Shaka on an MPD.

import { Viewer } from "../tests/browser/harness.js";
import { log, median } from "./measure.js";
import { hlsOptions, shakaOptions } from "./options.js";
import { milliseconds, printTable } from "./table.js";

/** @typedef {import("./browser.js").Scene} Scene */

const roundsUsual = 7;

/** hls.js. @param {Scene} scene */
export const startup = (scene) =>
  start(scene, "Start-up", hlsOptions(scene.origin, "/media/bench/index.m3u8"));

/** Shaka. @param {Scene} scene */
export const dashStartup = (scene) =>
  start(scene, "DASH start-up, Shaka", shakaOptions(scene.origin));

/** @param {Scene} scene @param {string} title @param {import("./measure.js").Plan["optionsOf"]} optionsOf */
async function start({ browser, origin, settings }, title, optionsOf) {
  /** @type {{ name: string, mode: import("./measure.js").Mode }[]} */
  const kinds = [
    { name: "plain", mode: "plain" },
    ...settings.modes.map((mode) => ({ name: mode, mode })),
    { name: "plain again", mode: "plain" },
  ];
  const hasSwarm = (/** @type {typeof kinds[number]} */ { mode }) => mode !== "plain";
  /** @param {typeof kinds[number]} kind */
  const open = ({ mode }) => Viewer.open(browser, origin, { ...optionsOf(mode), hash: false });
  const company = [];
  for (const kind of kinds.filter(hasSwarm)) company.push(await open(kind));
  for (const viewer of company) await viewer.until("plays", ({ ahead }) => ahead > 8);
  if (settings.linkMbit) {
    const bytesPerS = (settings.linkMbit * 1e6) / 8;
    await origin.shape({ latencyMs: settings.latencyMs, bytesPerS });
  }
  /** @type {Map<string, number[]>} */
  const frames = new Map(kinds.map(({ name }) => [name, []]));
  /** @type {number[]} */
  const peers = [];
  const rounds = settings.rounds ?? roundsUsual;
  for (let round = 0; round <= rounds; round += 1) {
    for (let turn = 0; turn < kinds.length; turn += 1) {
      const kind = kinds[(turn + round) % kinds.length];
      if (!kind) continue;
      const viewer = await open(kind);
      const wanted = (/** @type {import("../tests/browser/pages/viewer.js").State} */ state) =>
        state.firstFrameMs !== null && (!hasSwarm(kind) || state.firstPeerMs !== null);
      const { firstFrameMs, firstPeerMs } = await viewer.until("showed a frame", wanted, 60_000);
      await viewer.close();
      if (round === 0) continue; // the first of each warms the machine
      frames.get(kind.name)?.push(firstFrameMs ?? 0);
      if (firstPeerMs !== null) peers.push(firstPeerMs);
    }
    log(round === 0 ? "warm" : `round ${round} of ${rounds}`);
  }
  await Promise.all(company.map((viewer) => viewer.close()));
  const medians = kinds.map(({ name }) => ({
    name,
    medianMs: median(frames.get(name) ?? []),
    allMs: frames.get(name) ?? [],
  }));
  if (!settings.json) print(title, medians, median(peers), rounds);
  return { rounds, firstFrame: medians, firstPeerMedianMs: median(peers) };
}

/** @param {string} title @param {{ name: string, medianMs: number | null }[]} medians @param {number | null} firstPeerMs @param {number} rounds */
function print(title, medians, firstPeerMs, rounds) {
  const plain = medians[0]?.medianMs ?? 0;
  printTable(
    `${title}, medians of ${rounds} alternating rounds`,
    medians.map(({ name }) => name),
    [
      ["first frame", ...medians.map(({ medianMs }) => milliseconds(medianMs))],
      ["against plain", ...medians.map(({ medianMs }) => milliseconds((medianMs ?? 0) - plain))],
    ],
  );
  console.log(`\nfirst peer, median: ${milliseconds(firstPeerMs) ?? "never"}`);
}
