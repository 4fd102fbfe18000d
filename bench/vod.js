// @ts-check
// VOD: viewers join four seconds apart and watch for a minute after the last one joined.

import { runRounds, shareOfSaving, sum } from "./measure.js";
import { megabytes, milliseconds, percent, printTable, seconds } from "./table.js";

/** @typedef {import("./measure.js").Run} Run */

/** @param {import("playwright-core").Browser} browser @param {import("../tests/browser/harness.js").Origin} origin @param {import("./browser.js").Settings} settings */
export async function vod(browser, origin, settings) {
  const plan = { path: "/media/bench/index.m3u8", apartSeconds: 4, watchSeconds: 60 };
  const show = (/** @type {number} */ round, /** @type {Run} */ plain, /** @type {Run[]} */ runs) =>
    print(round, settings.viewers, plain, runs);
  const rounds = await runRounds(browser, origin, settings, plan, show);
  return {
    viewers: settings.viewers,
    rounds: rounds.map(({ plain, runs }) =>
      runs.map((run) => ({ ...run, ...againstPlain(run, plain), asked: run.asked.size })),
    ),
  };
}

/** @param {Run} run @param {Run} plain */
function againstPlain(run, plain) {
  const beyond = [...run.asked].filter((file) => !plain.asked.has(file));
  return {
    shareOfPlain: run.cdnBytes / plain.cdnBytes,
    floorShare: plain.floorBytes / plain.cdnBytes,
    shareOfSaving: shareOfSaving(run),
    segmentsBeyondPlain: beyond.length,
    deliveredAgainstPlain: run.deliveredBytes / plain.deliveredBytes,
  };
}

/** @param {number} round @param {number} viewers @param {Run} plain @param {Run[]} runs */
function print(round, viewers, plain, runs) {
  const against = runs.map((run) => againstPlain(run, plain));
  printTable(
    `VOD, ${viewers} viewers 4 s apart, 60 s after the last joined (round ${round})`,
    runs.map(({ mode }) => mode),
    [
      ["CDN bytes", ...runs.map((run) => megabytes(run.cdnBytes))],
      ["of plain", ...against.map(({ shareOfPlain }) => percent(shareOfPlain))],
      ["floor", ...against.map(({ floorShare }) => percent(floorShare))],
      ["of the possible saving", ...against.map(({ shareOfSaving }) => percent(shareOfSaving))],
      ["copies a segment", ...runs.map((run) => run.copies.toFixed(2))],
      ["stalls", ...runs.map((run) => run.stalls)],
      ["stalled", ...runs.map((run) => milliseconds(run.stallMs))],
      ["buffer at the end, mean", ...runs.map((run) => seconds(run.bufferSeconds))],
      ["bytes handed to players", ...runs.map((run) => megabytes(run.deliveredBytes))],
      [
        "CDN segments plain did not ask for",
        ...against.map(({ segmentsBeyondPlain }) => segmentsBeyondPlain),
      ],
      ["first peer, median of 2nd to last", ...runs.map((run) => milliseconds(run.firstPeerMs))],
      ["segment from peers, P50", ...runs.map((run) => milliseconds(run.p2pP50Ms))],
      ["segment from peers, P95", ...runs.map((run) => milliseconds(run.p2pP95Ms))],
      ["player errors", ...runs.map((run) => run.errors)],
    ],
  );
  if (sum(runs.map((run) => run.errors)) > 0)
    console.log("\nplayer errors: run again with SWARMLINE_TEST_LOG=1 for the origin's log");
}
