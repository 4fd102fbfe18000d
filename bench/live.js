// @ts-check
// Live: viewers join a second apart at their player's own latency and watch for a minute. With hls.js, and with
// Shaka on an MPD whose lists grow, as does the sidecar of the signed one, beside p2p-media-loader where that is asked for.

import { histogram, otherPicture, runRounds, shareOfSaving } from "./measure.js";
import { dashLiveSource, dashModes, hlsOptions } from "./options.js";
import { megabytes, milliseconds, percent, printTable, seconds } from "./table.js";

/** @typedef {import("./measure.js").Run} Run */
/** @typedef {import("./measure.js").Plan} Plan */
/** @typedef {import("./browser.js").Scene} Scene */

/** hls.js. @param {Scene} scene */
export const live = (scene) =>
  broadcast(scene, "Live", {
    viewers: scene.settings.viewers ?? 6,
    optionsOf: hlsOptions(scene.origin, "/live/index.m3u8"),
  });

/** Shaka. @param {Scene} scene */
export async function dashLive(scene) {
  const source = await dashLiveSource(scene.origin, scene.dash, scene.dashSigned);
  try {
    return await broadcast(scene, "DASH live, Shaka", {
      ...source,
      viewers: scene.settings.viewers ?? 4,
      modes: dashModes(scene.settings),
    });
  } finally {
    await source.stop();
  }
}

/**
 * @param {Scene} scene
 * @param {string} title
 * @param {Omit<Plan, "apartSeconds" | "watchSeconds">} players
 */
async function broadcast({ browser, origin, settings }, title, players) {
  const plan = { ...players, apartSeconds: 1, watchSeconds: 60 };
  const show = (/** @type {number} */ round, /** @type {Run} */ plain, /** @type {Run[]} */ runs) =>
    print(`${title}, ${plan.viewers} viewers 1 s apart, 60 s (round ${round})`, plain, runs);
  const rounds = await runRounds(browser, origin, settings, plan, show);
  const told = (/** @type {Run} */ run) => ({
    ...run,
    asked: run.asked.size,
    shareOfSaving: shareOfSaving(run),
  });
  return { viewers: plan.viewers, rounds: rounds.map(({ runs }) => runs.map(told)) };
}

/** @param {string} title @param {Run} plain @param {Run[]} runs */
function print(title, plain, runs) {
  printTable(
    title,
    runs.map(({ mode }) => mode),
    [
      ["copies a segment", ...runs.map((run) => run.copies.toFixed(2))],
      ["floor", ...runs.map((run) => ((run.copies * run.floorBytes) / run.mediaBytes).toFixed(2))],
      ["of the possible saving", ...runs.map((run) => percent(shareOfSaving(run)))],
      ["CDN bytes", ...runs.map((run) => megabytes(run.cdnBytes))],
      ["stalls", ...runs.map((run) => run.stalls)],
      ["stalled", ...runs.map((run) => milliseconds(run.stallMs))],
      ["latency at the end, mean", ...runs.map((run) => seconds(run.latencySeconds))],
      ["buffer at the end, mean", ...runs.map((run) => seconds(run.bufferSeconds))],
      ["time at each picture", ...runs.map(histogram)],
      [
        "time at another picture than plain",
        ...runs.map((run) => percent(otherPicture(run, plain))),
      ],
      ["first peer, median of 2nd to last", ...runs.map((run) => milliseconds(run.firstPeerMs))],
      ["segment from peers, P50", ...runs.map((run) => milliseconds(run.p2pP50Ms))],
      ["segment from peers, P95", ...runs.map((run) => milliseconds(run.p2pP95Ms))],
      ["player errors", ...runs.map((run) => run.errors)],
    ],
  );
}
