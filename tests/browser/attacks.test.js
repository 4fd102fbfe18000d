// @ts-check
// Dishonest pages among honest ones: one page changes what it sends, a visitor plays the signed stream. The
// verdict is the bytes hls.js was handed, the visitor's word about who was dropped, and the stalls of a
// plain player beside it. The twin of every attack is the same page telling the truth. What the engine
// does against each attack step by step is `tests/attacks`' business.

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
/** @typedef {import("./pages/liar.js").Liar} Liar */
/** @typedef {import("./pages/liar.js").Kind} Kind */
/** @typedef {import("./pages/viewer.js").State} State */

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";
const limits = { skip, timeout: 90_000 };
const path = "/media/ts/index.m3u8";

/** Of the stream's 89 blocks: what is on its way before the first verdict, and one more try. */
const askedBlocksMax = 24;

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Viewer} */
let honest;
/** In the honest page's swarm. @type {Viewer} */
let liar;
/** In a swarm of its own. @type {Viewer} */
let lonelyLiar;

before(async () => {
  if (skip) return;
  origin = await Origin.start({ "/media/ts": fixture("ts") });
  browser = await startBrowser();
  honest = await open({ swarmId: "among others" });
  await honest.untilWholeStream();
  liar = await open({ swarmId: "among others" }, liarScript);
  lonelyLiar = await open({ swarmId: "alone" }, liarScript);
  const versions = await versionsInPlaylist();
  for (const viewer of [liar, lonelyLiar]) {
    await viewer.untilWholeStream();
    await viewer.page.evaluate((rows) => {
      const { versions } = /** @type {Liar} */ (Reflect.get(window, "liar"));
      for (const [at, bytes] of rows) versions.set(BigInt(at), new Uint8Array(bytes));
    }, versions);
  }
});

after(async () => {
  await browser?.close();
  await origin?.stop();
});

/**
 * @param {{ swarmId?: string | null, player?: Record<string, unknown> }} wish without `swarmId` a plain player
 * @param {{ path: string } | null} [prepare]
 */
function open({ swarmId = null, ...wish }, prepare = null) {
  const swarm = swarmId ? { swarmId } : null;
  return openPage(browser, origin, origin.at(path), { swarm, ...wish }, prepare);
}

/** Number and version of every segment, as the playlist tells. @returns {Promise<[number, number[]][]>} */
async function versionsInPlaylist() {
  const text = await (await fetch(origin.at(path))).text();
  const first = Number(text.match(/#EXT-X-MEDIA-SEQUENCE:(\d+)/)?.[1] ?? 0);
  const roots = [...text.matchAll(/#EXT-X-SWARMLINE-DIGEST:.*ROOT="([^"]+)"/g)];
  return roots.map(([, base64], at) => {
    const version = Buffer.from(base64 ?? "", "base64").subarray(0, 8);
    return [first + at, [...version]];
  });
}

/** For how long an attack lasts. @typedef {(visitor: Viewer, plain: Viewer, liarId: string) => Promise<unknown>} Span */

/** At twice the speed. @type {Span} */
async function toTheEnd(visitor, plain) {
  await Promise.all([visitor, plain].map((viewer) => viewer.tell("speed", 2)));
  return visitor.untilWholeStream();
}

/** Until the liar was dropped and more of something came after that. @param {(state: State) => number} what @returns {Span} */
function untilDropped(what) {
  return async (visitor, _, liarId) => {
    const dropped = (/** @type {State} */ state) => closedReasons(state, liarId).length > 0;
    const before = what(await visitor.until("dropped the liar", dropped));
    return visitor.until("went on", (state) => what(state) > before || isAtEnd(state));
  };
}

/**
 * A visitor plays beside a plain player while `dishonest` lies. What both saw.
 * @param {Viewer} dishonest
 * @param {Kind} kind
 * @param {{ swarmId?: string, span?: Span }} [how]
 */
async function attack(dishonest, kind, { swarmId = "among others", span = toTheEnd } = {}) {
  await lie(dishonest, kind);
  const liarId = await peerId(dishonest);
  const player = { player: shortBuffer };
  const [visitor, plain] = await Promise.all([open({ swarmId, ...player }), open(player)]);
  const [state, alone] = await span(visitor, plain, liarId)
    .then(() => visitor.until("hashed what it got", isHashed))
    .then(async (state) => /** @type {const} */ ([state, await plain.state()]))
    // A visitor left behind would serve the next one.
    .finally(() => Promise.all([visitor.close(), plain.close()]));
  for (const seen of [state, await honest.state()]) {
    assert.equal(wrongFragment(seen, fixture("ts")), undefined, "every fragment is the file's");
  }
  assertUnharmed(state, alone);
  const honestId = await peerId(honest);
  return {
    ...{ state, ...(await confess(dishonest)) },
    fromLiar: sentBy(state, liarId),
    fromHonest: sentBy(state, honestId),
    closed: closedReasons(state, liarId),
    closedHonest: closedReasons(state, honestId),
  };
}

test("the twin: who tells the truth is listened to", limits, async () => {
  const seen = [attack(liar, "nothing"), attack(lonelyLiar, "nothing", { swarmId: "alone" })];
  for (const { state, lies, fromLiar, closed } of await Promise.all(seen)) {
    assert.equal(lies, 0);
    assert.ok(fromLiar > 0, "its blocks were taken");
    assert.deepEqual(closed, []);
    assert.deepEqual(state.warnings, []);
  }
});

/** What a single message proves, and the word the visitor has for it. @type {[Kind, string, string][]} */
const provable = [
  ["flip", "a flipped byte in every block", "wrong-block"],
  ["truncate", "blocks cut short", "protocol"],
  ["oversize", "more bytes than the blocks have", "protocol"],
  ["swap", "another segment's bytes under the right header", "wrong-block"],
  ["leaves", "a wrong leaf list", "wrong-block"],
];

for (const [kind, title, reason] of provable) {
  test(`${title}: the sender is dropped, the honest page goes on`, limits, async (t) => {
    const honestId = await peerId(honest);
    const span = untilDropped((state) => sentBy(state, honestId));
    const { lies, closed, closedHonest, fromHonest } = await attack(liar, kind, { span });
    t.diagnostic(`${lies} lies; ${fromHonest} bytes from the honest page`);
    assert.ok(lies > 0, "it lied");
    assert.deepEqual(closed, [reason], "dropped once, and not linked again");
    assert.deepEqual(closedHonest, []);
    assert.ok(fromHonest > 0, "the honest page shared");
  });
}

test("nobody but a liar: the CDN carries on", limits, async () => {
  const span = untilDropped((state) => state.stats?.cdnBytes ?? 0);
  const { lies, state, closed } = await attack(lonelyLiar, "flip", { swarmId: "alone", span });
  assert.ok(lies > 0, "it lied");
  assert.ok((state.stats?.discardedBytes ?? 0) > 0, "its blocks came and were thrown away");
  assert.deepEqual(closed, ["wrong-block"]);
  assert.equal(state.stats?.peerBytes, 0);
});

/** What only time tells, and why the link closes if it does. @type {[Kind, string, string[]][]} */
const slow = [
  ["haves", "haves of what is never sent", []],
  ["drip", "blocks that drip", []],
  ["flood", "every block a dozen times, leaf lists by the hundred", ["unreliable"]],
];

for (const [kind, title, reasons] of slow) {
  test(`${title}: it is asked no more, the honest page goes on`, limits, async (t) => {
    const { lies, asked, state, fromHonest, closed, closedHonest } = await attack(liar, kind);
    t.diagnostic(
      `${lies} lies, ${asked} blocks asked of it; ${fromHonest} bytes from the honest page, ` +
        `${state.stats?.cdnBytes} from the CDN`,
    );
    assert.ok(lies > 0, "it lied");
    assert.ok(asked <= askedBlocksMax, `${asked} blocks were asked of it`);
    assert.deepEqual(closed, reasons);
    assert.deepEqual(closedHonest, []);
    assert.ok(fromHonest > 0, "the honest page shared");
  });
}

test("promises never kept, by the only peer: believed, and no stall", limits, async (t) => {
  const how = { swarmId: "alone" };
  const { lies, asked, relied, state, closed } = await attack(lonelyLiar, "promises", how);
  t.diagnostic(`${lies} lies; ${relied} segments were promised on`);
  assert.ok(lies > 0, "it lied");
  // Who waits for a promise promises in its turn.
  assert.ok(relied > 0, "it was believed");
  assert.equal(asked, 0, "what is promised is not asked for");
  assert.equal(state.stats?.peerBytes, 0);
  // A slow CDN breaks promises too: no reason to close a link.
  assert.deepEqual(closed, []);
});

test("false reports: one voice isolates nobody, the accused goes on sharing", limits, async () => {
  const honestId = await peerId(honest);
  const accuse = (/** @type {string} */ peer) =>
    /** @type {Liar} */ (Reflect.get(window, "liar")).accuse(peer, 20);
  const sent = await liar.page.evaluate(accuse, honestId);
  assert.equal(sent, 20, "the tracker was told");
  const span = (/** @type {Viewer} */ visitor) =>
    visitor.until("was served by the accused", (state) => sentBy(state, honestId) > 0);
  const { refusals, fromHonest, ...seen } = await attack(liar, "nothing", { span });
  assert.deepEqual(refusals, [], "and listened");
  assert.ok(fromHonest > 0, "newcomers are led to the accused");
  assert.deepEqual([seen.closed, seen.closedHonest], [[], []]);
});
