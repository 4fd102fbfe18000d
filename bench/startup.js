// @ts-check
// Start-up: from «scripts loaded» to the first frame, plain and with the swarm in turn, beside a second
// plain one as control. A viewer with the swarm watches all the while, so that there is somebody to meet.

import { Viewer, hlsBuilds } from "../tests/browser/harness.js";
import { log, median } from "./measure.js";
import { milliseconds, printTable } from "./table.js";

const roundsUsual = 7;

/** @param {import("playwright-core").Browser} browser @param {import("../tests/browser/harness.js").Origin} origin @param {import("./browser.js").Settings} settings */
export async function startup(browser, origin, settings) {
  const swarm = { trackerUrls: [origin.trackerUrl], stunServers: [] };
  const signedPath = "/media/bench/index.m3u8";
  const kinds = [
    { name: "plain", path: signedPath, swarm: null },
    ...settings.modes.map((name) => ({
      name,
      path: name === "signed" ? signedPath : `/unsigned${signedPath}`,
      swarm,
    })),
    { name: "plain again", path: signedPath, swarm: null },
  ];
  /** @param {typeof kinds[number]} kind */
  const open = (kind) =>
    Viewer.open(browser, origin, {
      src: origin.at(kind.path),
      hls: hlsBuilds["1.7"],
      swarm: kind.swarm,
      hash: false,
    });
  const company = [];
  for (const kind of kinds.filter((kind) => kind.swarm)) company.push(await open(kind));
  for (const viewer of company) await viewer.until("plays", ({ ahead }) => ahead > 20);
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
        state.firstFrameMs !== null && (!kind.swarm || state.firstPeerMs !== null);
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
  if (!settings.json) print(medians, median(peers), rounds);
  return { rounds, firstFrame: medians, firstPeerMedianMs: median(peers) };
}

/** @param {{ name: string, medianMs: number | null }[]} medians @param {number | null} firstPeerMs @param {number} rounds */
function print(medians, firstPeerMs, rounds) {
  const plain = medians[0]?.medianMs ?? 0;
  printTable(
    `Start-up, medians of ${rounds} alternating rounds`,
    medians.map(({ name }) => name),
    [
      ["first frame", ...medians.map(({ medianMs }) => milliseconds(medianMs))],
      ["against plain", ...medians.map(({ medianMs }) => milliseconds((medianMs ?? 0) - plain))],
    ],
  );
  console.log(`\nfirst peer, median: ${milliseconds(firstPeerMs) ?? "never"}`);
}
