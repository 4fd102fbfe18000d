// @ts-check
// What tests with dishonest pages share: a page that lies on demand, and the verdict on those it lied to.
// The verdict is the bytes the player was handed, held against the origin's, and the stalls of a plain
// player beside it. How a page lies is `pages/liar.js`; what the engine does about it, `tests/attacks`.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { root } from "./fixtures.js";
import { hlsBuilds, Viewer } from "./harness.js";

/** @typedef {import("./pages/liar.js").Liar} Liar */
/** @typedef {import("./pages/liar.js").Kind} Kind */
/** @typedef {import("./pages/viewer.js").State} State */

/** Makes a page a liar; it tells the truth until `lie` is called. */
export const liarScript = { path: join(root, "tests", "browser", "pages", "liar.js") };

/** A player that reads a little ahead: an attack has the time of the stream to hurt. */
export const shortBuffer = { maxBufferLength: 4, maxMaxBufferLength: 4 };

/**
 * Opens a page on a stream.
 * @param {import("playwright-core").Browser} browser
 * @param {import("./harness.js").Origin} origin
 * @param {string} src
 * @param {{ swarm?: Record<string, unknown> | null, player?: Record<string, unknown> }} wish without `swarm` a plain player
 * @param {{ path: string } | null} [prepare]
 */
export function open(browser, origin, src, { swarm = null, player }, prepare = null) {
  const trackers = { trackerUrls: [origin.trackerUrl], stunServers: [] };
  const options = { src, hls: hlsBuilds["1.7"], swarm: swarm && { ...trackers, ...swarm } };
  return Viewer.open(browser, origin, player ? { ...options, player } : options, prepare);
}

/** From now on the page lies like this. @param {Viewer} page @param {Kind} kind */
export function lie(page, kind) {
  return page.page.evaluate((wanted) => {
    Object.assign(Reflect.get(window, "liar"), { kind: wanted, lies: 0, asked: 0, relied: 0 });
  }, kind);
}

/** What the liar counted since. @param {Viewer} page */
export function confess(page) {
  return page.page.evaluate(() => {
    const { lies, asked, relied, refusals } = /** @type {Liar} */ (Reflect.get(window, "liar"));
    return { lies, asked, relied, refusals };
  });
}

/** @param {Viewer} viewer */
export async function peerId(viewer) {
  const { stats } = await viewer.state();
  assert.ok(stats?.peerId, "its engine runs");
  return stats.peerId;
}

/** Verified bytes from one peer. @param {State} state @param {string} peer */
export function sentBy({ segments }, peer) {
  const senders = segments.flatMap((segment) => /** @type {any[]} */ (segment.senders));
  return senders.reduce((sum, sender) => sum + (sender.peer === peer ? sender.bytes : 0), 0);
}

/** Why links to a peer closed, but for the second of two that began at once. @param {State} state @param {string} peer */
export function closedReasons({ peers }, peer) {
  const closed = peers.filter(({ id, state }) => id === peer && state === "closed");
  return closed.map(({ reason }) => reason).filter((reason) => reason !== "duplicate");
}

/** Whether all the player was handed has been hashed. @param {State} state */
export const isHashed = ({ fragments }) => fragments.every(({ sha256 }) => sha256 !== "");

/** All of the stream is buffered. @param {State} state */
export const isAtEnd = ({ bufferedEnd, duration }) => duration > 0 && bufferedEnd >= duration - 0.5;

/**
 * No error that ends playback, and no more stalls than a plain player beside it.
 * @param {State} state
 * @param {State} alone
 */
export function assertUnharmed(state, alone) {
  assert.deepEqual(
    [state.errors.filter((error) => error.fatal), state.swarmErrors, state.mediaError],
    [[], [], null],
  );
  assert.ok(
    state.stalls.length <= alone.stalls.length,
    `stalls ${JSON.stringify(state.stalls)}, alone ${JSON.stringify(alone.stalls)}`,
  );
}

/**
 * Every fragment is what the origin answers for its address now; what a live stream has left behind is not asked for.
 * @param {State} state
 * @returns {Promise<string[]>} addresses of those that are not
 */
export async function wrongByOrigin({ fragments }) {
  const wrong = [];
  let compared = 0;
  for (const { url, sha256 } of fragments) {
    const answer = await fetch(url);
    if (answer.status === 404) continue;
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (createHash("sha256").update(bytes).digest("hex") !== sha256) wrong.push(url);
    compared += 1;
  }
  assert.ok(compared > 0, "the origin still has some of them");
  return wrong;
}
