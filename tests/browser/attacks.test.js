// @ts-check
// Dishonest pages among honest ones: one page changes what it sends, a visitor plays the signed stream. The
// verdict is the bytes hls.js was handed, the visitor's word about who was dropped, and the stalls of a
// plain player beside it. The twin of every attack is the same page telling the truth. What the engine
// does against each attack step by step is `tests/attacks`' business.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fixture, hasFfmpeg, root } from "./fixtures.js";
import { hlsBuilds, Origin, startBrowser, Viewer, wrongFragment } from "./harness.js";

/** @typedef {import("./pages/liar.js").Liar} Liar */
/** @typedef {import("./pages/liar.js").Kind} Kind */
/** @typedef {import("./pages/viewer.js").State} State */

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";
const limits = { skip, timeout: 90_000 };
const path = "/media/ts/index.m3u8";
const liarScript = { path: join(root, "tests", "browser", "pages", "liar.js") };

/** A player that reads a little ahead, at twice the speed: an attack has the time of the stream to hurt. */
const shortBuffer = { maxBufferLength: 4, maxMaxBufferLength: 4 };

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
function open({ swarmId = null, player }, prepare = null) {
  const swarm = swarmId && { swarmId, trackerUrls: [origin.trackerUrl], stunServers: [] };
  const options = { src: origin.at(path), hls: hlsBuilds["1.7"], swarm: swarm || null };
  return Viewer.open(browser, origin, player ? { ...options, player } : options, prepare);
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

/**
 * A visitor plays beside a plain player while `dishonest` lies: to the end of the stream, or until the liar
 * was dropped and more of what `goesOn` counts came after that. What both saw.
 * @param {Viewer} dishonest
 * @param {Kind} kind
 * @param {{ swarmId?: string, goesOn?: ((state: State) => number) | null }} [how]
 */
async function attack(dishonest, kind, { swarmId = "among others", goesOn = null } = {}) {
  await dishonest.page.evaluate((wanted) => {
    Object.assign(Reflect.get(window, "liar"), { kind: wanted, lies: 0, asked: 0 });
  }, kind);
  const liarId = await peerId(dishonest);
  const player = { player: shortBuffer };
  const [visitor, plain] = await Promise.all([open({ swarmId, ...player }), open(player)]);
  const [state, alone] = await watch(visitor, plain, liarId, goesOn).finally(() =>
    // A visitor left behind would serve the next one.
    Promise.all([visitor.close(), plain.close()]),
  );
  const { lies, asked } = await dishonest.page.evaluate(() => {
    const { lies, asked } = /** @type {Liar} */ (Reflect.get(window, "liar"));
    return { lies, asked };
  });
  for (const seen of [state, await honest.state()]) {
    assert.equal(wrongFragment(seen, fixture("ts")), undefined, "every fragment is the file's");
    assert.deepEqual(
      seen.errors.filter((error) => error.fatal),
      [],
    );
  }
  assert.ok(
    state.stalls.length <= alone.stalls.length,
    `stalls ${JSON.stringify(state.stalls)}, alone ${JSON.stringify(alone.stalls)}`,
  );
  const honestId = await peerId(honest);
  return {
    ...{ state, lies, asked },
    fromLiar: sentBy(state, liarId),
    fromHonest: sentBy(state, honestId),
    closed: closedReasons(state, liarId),
    closedHonest: closedReasons(state, honestId),
  };
}

/**
 * @param {Viewer} visitor
 * @param {Viewer} plain
 * @param {string} liarId
 * @param {((state: State) => number) | null} goesOn
 */
async function watch(visitor, plain, liarId, goesOn) {
  if (goesOn) {
    const dropped = (/** @type {State} */ state) => closedReasons(state, liarId).length > 0;
    const before = goesOn(await visitor.until("dropped the liar", dropped));
    const atEnd = (/** @type {State} */ { bufferedEnd, duration }) =>
      duration > 0 && bufferedEnd >= duration - 0.5;
    await visitor.until("went on", (state) => goesOn(state) > before || atEnd(state));
  } else {
    await Promise.all([visitor, plain].map((viewer) => viewer.tell("speed", 2)));
    await visitor.untilWholeStream();
  }
  const hashed = (/** @type {State} */ { fragments }) =>
    fragments.every(({ sha256 }) => sha256 !== "");
  const state = await visitor.until("hashed what it got", hashed);
  return /** @type {const} */ ([state, await plain.state()]);
}

/** @param {Viewer} viewer */
async function peerId(viewer) {
  const { stats } = await viewer.state();
  assert.ok(stats?.peerId, "its engine runs");
  return stats.peerId;
}

/** Verified bytes from one peer. @param {State} state @param {string} peer */
function sentBy({ segments }, peer) {
  const senders = segments.flatMap((segment) => /** @type {any[]} */ (segment.senders));
  return senders.reduce((sum, sender) => sum + (sender.peer === peer ? sender.bytes : 0), 0);
}

/** Why links to a peer closed. @param {State} state @param {string} peer */
function closedReasons({ peers }, peer) {
  return peers.filter(({ id, state }) => id === peer && state === "closed").map((p) => p.reason);
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
    const goesOn = (/** @type {State} */ state) => sentBy(state, honestId);
    const { lies, closed, closedHonest, fromHonest } = await attack(liar, kind, { goesOn });
    t.diagnostic(`${lies} lies; ${fromHonest} bytes from the honest page`);
    assert.ok(lies > 0, "it lied");
    assert.deepEqual(closed, [reason], "dropped once, and not linked again");
    assert.deepEqual(closedHonest, []);
    assert.ok(fromHonest > 0, "the honest page shared");
  });
}

test("nobody but a liar: the CDN carries on", limits, async () => {
  const goesOn = (/** @type {State} */ state) => state.stats?.cdnBytes ?? 0;
  const { lies, state, closed } = await attack(lonelyLiar, "flip", { swarmId: "alone", goesOn });
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

test(
  "promises never kept, by the only peer: no stall, and no link closed for it",
  limits,
  async (t) => {
    const { lies, asked, state, closed } = await attack(lonelyLiar, "promises", {
      swarmId: "alone",
    });
    const waits = state.segments.map((segment) => Math.round(Number(segment.elapsedMs)));
    t.diagnostic(`${lies} lies; segments took ${waits.join(", ")} ms`);
    assert.ok(lies > 0, "it lied");
    assert.equal(asked, 0, "what is promised is not asked for");
    assert.equal(state.stats?.peerBytes, 0);
    // A slow CDN breaks promises too: no reason to close a link.
    assert.deepEqual(closed, []);
  },
);
