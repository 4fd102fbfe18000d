// @ts-check
// Players by name, for tests that have several: what a page is told to play with each, and viewers who watch a
// film one after another. It asserts only what holds of any viewer of any player.

import assert from "node:assert/strict";
import { dashBuild, hlsBuilds, mediaOf, shakaBuilds, wrongFragment } from "./harness.js";

/** @typedef {import("./harness.js").Origin} Origin */
/** @typedef {import("./harness.js").State} State */
/** @typedef {import("./harness.js").Viewer} Viewer */
/** @typedef {"shaka-5.2" | "shaka-4.16" | "dash.js" | "hls.js"} Player */

/**
 * A viewer that reads a little ahead and stays at one rendition, until it is told otherwise.
 * @param {Player} player
 * @param {string} src
 * @param {Record<string, unknown> | null} swarm
 */
export function optionsOf(player, src, swarm) {
  if (player === "dash.js") {
    const abr = { autoSwitchBitrate: { video: false } };
    return { src, dash: dashBuild, swarm, player: { streaming: { abr } } };
  }
  if (player === "hls.js") {
    const short = { maxBufferLength: 4, maxMaxBufferLength: 4 };
    return { src, hls: hlsBuilds[1.7], swarm, level: 0, player: short };
  }
  const shaka = shakaBuilds[player === "shaka-5.2" ? "5.2" : "4.16"];
  const config = { streaming: { bufferingGoal: 4 }, abr: { enabled: false } };
  return { src, shaka, swarm, player: config };
}

/** The viewer knows somebody, if it is to. @param {Viewer} viewer */
export const linked = (viewer) =>
  viewer.until("linked", ({ peers, stats }) => !stats || peers.length > 0);

/** The whole stream is buffered; to be called by who is linked. @param {Viewer} viewer */
export async function toTheEnd(viewer) {
  await viewer.tell("readAhead");
  await viewer.untilWholeStream();
  return viewer.until("hashed what it got", ({ fragments }) =>
    fragments.every(({ sha256 }) => sha256 !== ""),
  );
}

/**
 * What holds of any viewer: the files' bytes, and no complaints.
 * @param {State} state
 * @param {string} folder
 */
export function assertFine(state, folder) {
  assert.ok(state.fragments.length > 4, "its player was handed segments");
  assert.equal(wrongFragment(state, folder), undefined, "every segment is the file's bytes");
  assert.deepEqual([...state.errors, ...state.warnings, ...state.swarmErrors].filter(counts), []);
  assert.equal(state.mediaError, null);
}

/** hls.js tells of a gap before the first sound, over which it seeks; who plays alone is told the same. @param {object} told */
const counts = (told) => !("details" in told && told.details === "bufferSeekOverHole");

/**
 * Viewers one after another, each to the end; their states, and the origin's media bytes.
 * @param {Origin} origin
 * @param {string} folder where the film's files are
 * @param {(() => Promise<Viewer>)[]} opens
 */
export async function watchInTurn(origin, folder, opens) {
  await origin.reset();
  const viewers = [];
  const states = [];
  /** Of what came to the last one since it knew somebody, the share that peers brought. */
  let fromPeers = 0;
  for (const open of opens) {
    const viewer = await open();
    viewers.push(viewer);
    // On loopback a film is here before the first link: who is to share waits for it.
    const before = viewers.length > 1 ? (await linked(viewer)).stats : null;
    const state = await toTheEnd(viewer);
    states.push(state);
    if (before !== null && state.stats !== null) {
      const peerBytes = state.stats.peerBytes - before.peerBytes;
      fromPeers = peerBytes / (peerBytes + state.stats.cdnBytes - before.cdnBytes);
    }
  }
  for (const state of states) assertFine(state, folder);
  const { bytes } = mediaOf(await origin.files());
  await Promise.all(viewers.map((viewer) => viewer.close()));
  return { states, bytes, fromPeers };
}
