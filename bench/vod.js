// @ts-check
// VOD: viewers join four seconds apart and watch for a minute after the last one joined. With hls.js, and with
// Shaka on an MPD of three renditions, beside p2p-media-loader where that is asked for.

import { histogram, otherPicture, runRounds, shareOfSaving, sum } from "./measure.js";
import { dashModes, hlsOptions, shakaOptions } from "./options.js";
import { megabytes, milliseconds, percent, printTable, seconds } from "./table.js";

/** @typedef {import("./measure.js").Run} Run */
/** @typedef {import("./browser.js").Scene} Scene */

/** hls.js. @param {Scene} scene */
export const vod = (scene) =>
  film(scene, "VOD", {
    viewers: scene.settings.viewers ?? 6,
    optionsOf: hlsOptions(scene.origin, "/media/bench/index.m3u8"),
  });

/** Shaka. @param {Scene} scene */
export const dashVod = (scene) =>
  film(scene, "DASH VOD, Shaka", {
    viewers: scene.settings.viewers ?? 4,
    modes: dashModes(scene.settings),
    optionsOf: shakaOptions(scene.origin),
  });

/**
 * @param {Scene} scene
 * @param {string} title
 * @param {Pick<import("./measure.js").Plan, "viewers" | "optionsOf" | "modes">} players
 */
async function film({ browser, origin, settings }, title, players) {
  const plan = { ...players, apartSeconds: 4, watchSeconds: 60 };
  const show = (/** @type {number} */ round, /** @type {Run} */ plain, /** @type {Run[]} */ runs) =>
    print(`${title}, ${plan.viewers} viewers 4 s apart`, round, plain, runs);
  const rounds = await runRounds(browser, origin, settings, plan, show);
  return {
    viewers: plan.viewers,
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
    otherPicture: otherPicture(run, plain),
  };
}

/** @param {string} title @param {number} round @param {Run} plain @param {Run[]} runs */
function print(title, round, plain, runs) {
  const against = runs.map((run) => againstPlain(run, plain));
  printTable(
    `${title}, 60 s after the last joined (round ${round})`,
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
      ["time at each picture", ...runs.map(histogram)],
      ["time at another picture than plain", ...against.map((it) => percent(it.otherPicture))],
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
