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

/** Of what comes to a viewer once it knows another who has all of it, the share that must not be from the CDN. */
export const fromPeersMin = 0.5;

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

/** Bytes of segments that the players of these pages were handed. @param {State[]} states */
const handed = (states) =>
  states.flatMap(({ fragments }) => fragments).reduce((sum, { bytes }) => sum + bytes, 0);

/**
 * Viewers one after another, each to the end; their states, the origin's media bytes, and of what came to the last one
 * since it knew somebody, the share that was not from the origin, by the origin's own count.
 * @param {Origin} origin
 * @param {string} folder where the film's files are
 * @param {(() => Promise<Viewer>)[]} opens
 * @param {(viewer: Viewer) => Promise<State>} [watched] how a viewer comes to the end
 */
export async function watchInTurn(origin, folder, opens, watched = toTheEnd) {
  await origin.reset();
  const viewers = [];
  let fromPeers = 0;
  for (const open of opens) {
    const viewer = await open();
    viewers.push(viewer);
    // On loopback a film is here before the first link: who is to share waits for it.
    const before = viewers.length > 1 ? await linked(viewer) : null;
    const served = mediaOf(await origin.files()).bytes;
    const state = await watched(viewer);
    if (before !== null) {
      const since = mediaOf(await origin.files()).bytes - served;
      fromPeers = 1 - since / (handed([state]) - handed([before]));
    }
  }
  const states = await Promise.all(viewers.map((viewer) => viewer.state()));
  for (const state of states) assertFine(state, folder);
  const { bytes } = mediaOf(await origin.files());
  await Promise.all(viewers.map((viewer) => viewer.close()));
  return { states, bytes, fromPeers };
}

/**
 * The second of two was fed by the first; said as a share, too.
 * @param {import("node:test").TestContext} t
 * @param {{ states: State[], fromPeers: number }} watched
 */
export function assertFed(t, { states, fromPeers }) {
  t.diagnostic(`${Math.round(fromPeers * 100)} % from peers since they were linked`);
  const [first, second] = states.map(({ stats }) => stats);
  assert.ok(second && second.peerBytes > 0, "the second viewer was fed by the first");
  assert.ok(first && first.uploadedBytes > 0, "the first says so too");
  assert.ok(fromPeers >= fromPeersMin, `${Math.round(fromPeers * 100)} % from peers`);
}
