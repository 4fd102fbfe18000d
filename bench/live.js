// @ts-check
// Live: viewers join a second apart at hls.js's own latency and watch for a minute.

import { runRounds, shareOfSaving } from "./measure.js";
import { megabytes, milliseconds, percent, printTable, seconds } from "./table.js";

/** @typedef {import("./measure.js").Run} Run */

/** @param {import("playwright-core").Browser} browser @param {import("../tests/browser/harness.js").Origin} origin @param {import("./browser.js").Settings} settings */
export async function live(browser, origin, settings) {
  const plan = { path: "/live/index.m3u8", apartSeconds: 1, watchSeconds: 60 };
  const show = (
    /** @type {number} */ round,
    /** @type {Run} */ _plain,
    /** @type {Run[]} */ runs,
  ) => print(round, settings.viewers, runs);
  const rounds = await runRounds(browser, origin, settings, plan, show);
  const told = (/** @type {Run} */ run) => ({
    ...run,
    asked: run.asked.size,
    shareOfSaving: shareOfSaving(run),
  });
  return { viewers: settings.viewers, rounds: rounds.map(({ runs }) => runs.map(told)) };
}

/** @param {number} round @param {number} viewers @param {Run[]} runs */
function print(round, viewers, runs) {
  printTable(
    `Live, ${viewers} viewers 1 s apart, 60 s (round ${round})`,
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
      ["first peer, median of 2nd to last", ...runs.map((run) => milliseconds(run.firstPeerMs))],
      ["segment from peers, P50", ...runs.map((run) => milliseconds(run.p2pP50Ms))],
      ["segment from peers, P95", ...runs.map((run) => milliseconds(run.p2pP95Ms))],
      ["player errors", ...runs.map((run) => run.errors)],
    ],
  );
}
