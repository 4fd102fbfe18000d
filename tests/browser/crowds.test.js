// @ts-check
// Many liars at once: all neighbours of a visitor lie, and all but one. The verdict is the bytes hls.js was
// handed, whom the visitor dropped and why, and the stalls of a plain player beside it. The twin is in
// `attacks.test.js`: the same stream and script, and everybody tells the truth.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  assertUnharmed,
  closedReasons,
  confess,
  isAtEnd,
  isHashed,
  liarScript,
  lie,
  open as openPage,
  peerId,
  sentBy,
  shortBuffer,
} from "./dishonest.js";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { Origin, startBrowser, wrongFragment } from "./harness.js";

/** @typedef {import("./harness.js").Viewer} Viewer */
/** @typedef {import("./pages/liar.js").Kind} Kind */
/** @typedef {import("./pages/viewer.js").State} State */

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";
const limits = { skip, timeout: 90_000 };

/** What each of the crowd does, and the word that a visitor has for it. @type {[Kind, string][]} */
const vices = [
  ["swap", "wrong-block"], // first, so that it has sent something by then
  ["flip", "wrong-block"],
  ["truncate", "protocol"],
  ["oversize", "protocol"],
];

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {{ page: Viewer, id: string, reason: string }[]} */
const liars = [];

before(async () => {
  if (skip) return;
  origin = await Origin.start({ "/media/ts": fixture("ts") });
  browser = await startBrowser();
  for (const [, reason] of vices) {
    const page = await open({ swarm: { swarmId: "crowd" } }, liarScript);
    await page.untilWholeStream();
    liars.push({ page, id: await peerId(page), reason });
  }
  for (const [at, [kind]] of vices.entries()) await lie(/** @type {any} */ (liars[at]).page, kind);
});

after(async () => {
  await browser?.close();
  await origin?.stop();
});

/** @param {{ swarm?: Record<string, unknown>, player?: Record<string, unknown> }} wish @param {{ path: string }} [prepare] */
function open(wish, prepare) {
  return openPage(browser, origin, origin.at("/media/ts/index.m3u8"), wish, prepare);
}

/**
 * A visitor plays beside a plain player until it has dropped every liar and more of what `what` counts came.
 * @param {(state: State) => number} what
 */
async function visit(what) {
  const player = shortBuffer;
  const [visitor, plain] = await Promise.all([
    open({ swarm: { swarmId: "crowd" }, player }),
    open({ player }),
  ]);
  try {
    await Promise.all([visitor, plain].map((viewer) => viewer.tell("speed", 2)));
    const isRid = (/** @type {State} */ state) =>
      liars.every(({ id }) => closedReasons(state, id).length > 0);
    const rid = await visitor.until("dropped all liars", (now) => isRid(now) || isAtEnd(now));
    const before = what(rid);
    await visitor.until("went on", (now) => what(now) > before || isAtEnd(now));
    const state = await visitor.until("hashed what it got", isHashed);
    assert.equal(wrongFragment(state, fixture("ts")), undefined, "every fragment is the file's");
    assertUnharmed(state, await plain.state());
    for (const { page, id, reason } of liars) {
      assert.deepEqual(closedReasons(state, id), [reason], "dropped once, and not linked again");
      assert.ok((await confess(page)).lies > 0, "it lied");
    }
    return state;
  } finally {
    await Promise.all([visitor.close(), plain.close()]);
  }
}

test("all neighbours lie: each is dropped, and the CDN carries on", limits, async () => {
  const { stats } = await visit((state) => state.stats?.cdnBytes ?? 0);
  assert.ok((stats?.discardedBytes ?? 0) > 0, "what they sent came and was thrown away");
});

test("all neighbours lie but one: it alone is kept, and it serves", limits, async (t) => {
  // On a short uplink: who is slower than a stranger may be does not keep strangers from being tried.
  const honest = await open({ swarm: { swarmId: "crowd", uploadLimit: 200_000 } });
  await honest.untilWholeStream();
  const honestId = await peerId(honest);
  const state = await visit((seen) => sentBy(seen, honestId));
  t.diagnostic(`${sentBy(state, honestId)} bytes from the honest page`);
  assert.ok(sentBy(state, honestId) > 0, "the honest page shared");
  assert.deepEqual(closedReasons(state, honestId), []);
  const seen = await honest.until("hashed what it got", isHashed);
  assert.equal(wrongFragment(seen, fixture("ts")), undefined, "nor was it deceived");
});
