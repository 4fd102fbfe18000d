// @ts-check
// True bytes under wrong names, between pages: signed lines that stand where the signer did not put them, two
// contents for one number (an encoder that restarts: no attack), and older segments sent for newer ones of a
// live stream. The verdict is the origin's bytes, asked for again, and the stalls of a plain player beside.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  assertUnharmed,
  closedReasons,
  confess,
  isHashed,
  liarScript,
  lie,
  open,
  peerId,
  sentBy,
  shortBuffer,
  wrongByOrigin,
} from "./dishonest.js";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { Origin, startBrowser } from "./harness.js";
import { lineOf, Signer, signedLineOf, TextServer } from "./publisher.js";

/** @typedef {import("./harness.js").Viewer} Viewer */
/** @typedef {import("./pages/viewer.js").State} State */
/** @typedef {{ url: string, bytes: Buffer }} Segment */

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";
const limits = { skip, timeout: 90_000 };

/** @type {Origin} */
let origin;
/** Two hosts of one path, so that their playlists are one track to the swarm. @type {[TextServer, TextServer]} */
let hosts;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  const media = { "/media/ts": fixture("ts"), "/media/sequence": fixture("sequence") };
  origin = await Origin.start(media, ["--live", `/live=${join(fixture("ts"), "index.m3u8")}`]);
  hosts = [await new TextServer().start(), await new TextServer().start()];
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await origin?.stop();
  await Promise.all((hosts ?? []).map((host) => host.stop()));
});

/** A take of the show: two fixtures have the same times and other pictures. @param {"ts" | "sequence"} name @returns {Segment[]} */
function take(name) {
  const list = readFileSync(join(fixture(name), "index.m3u8"), "utf8");
  return [...list.matchAll(/^[^#\s].*$/gm)].map(([file]) => ({
    url: origin.at(`/media/${name}/${file}`),
    bytes: readFileSync(join(fixture(name), file)),
  }));
}

/**
 * Puts a playlist of the show on a host.
 * @param {TextServer} host
 * @param {string} path
 * @param {(at: number) => { line: string, url: string }} entry
 */
function publish(host, path, entry) {
  const list = readFileSync(join(fixture("ts"), "index.m3u8"), "utf8");
  let at = -1;
  const text = list.replaceAll(/^[^#\s].*$/gm, () => {
    at += 1;
    const { line, url } = entry(at);
    return `${line}\n${url}`;
  });
  host.texts.set(path, () => text);
  return `${host.url}${path}`;
}

/**
 * A visitor plays beside a plain player, reading little ahead, until it is as wanted. What it saw, its
 * fragments held against the origin's.
 * @param {string} src
 * @param {Record<string, unknown>} swarm
 * @param {string} what
 * @param {(state: State) => boolean} wanted
 * @param {number} [speed]
 */
async function visit(src, swarm, what, wanted, speed = 2) {
  const [visitor, plain] = await Promise.all([
    open(browser, origin, src, { swarm, player: shortBuffer }),
    open(browser, origin, src, { player: shortBuffer }),
  ]);
  try {
    await Promise.all([visitor, plain].map((viewer) => viewer.tell("speed", speed)));
    await visitor.until(what, wanted);
    const state = await visitor.until("hashed what it got", isHashed);
    assertUnharmed(state, await plain.state());
    assert.deepEqual(await wrongByOrigin(state), [], "every fragment is the origin's");
    return state;
  } finally {
    await Promise.all([visitor.close(), plain.close()]);
  }
}

/** What a visitor of that swarm is handed wrongly who pins no key. @param {string} src @param {(state: State) => boolean} wanted */
async function wrongWithoutKey(src, wanted) {
  const how = { swarm: { swarmId: "replay" }, player: shortBuffer };
  const visitor = await open(browser, origin, src, how);
  try {
    await visitor.tell("speed", 2);
    await visitor.until("played past what is replayed", wanted);
    return await wrongByOrigin(await visitor.until("hashed what it got", isHashed));
  } finally {
    await visitor.close();
  }
}

/** Whether a segment so far in, or farther, has been played. @param {number} number */
const reached = (number) => (/** @type {State} */ state) =>
  state.segments.some((segment) => Number(segment.number) >= number);

/** Who sent of segments whose number is one of these. @param {State} state @param {(number: number) => boolean} which */
const sendersOf = ({ segments }, which) =>
  segments
    .filter(({ number }) => which(Number(number)))
    .flatMap(({ senders }) => /** @type {any[]} */ (senders).map(({ peer }) => peer));

test(
  "a signature of an older place, or of another rendition, proves nothing",
  limits,
  async (t) => {
    const signer = new Signer();
    const [shown, other] = [take("ts"), take("sequence")];
    const track = "video";
    // Signed by the publisher, each for a place of its own: long ago, and in another rendition.
    const replayed = new Map([
      [4, { track, seq: 1 }],
      [7, { track: "other", seq: 7 }],
    ]);
    /** @param {number} at @param {boolean} isOurs */
    const entry = (at, isOurs) => {
      const place = replayed.get(at);
      const { bytes } = /** @type {Segment} */ ((place ? other : shown)[at]);
      const { url } = /** @type {Segment} */ ((place && !isOurs ? other : shown)[at]);
      return { line: signedLineOf(signer, bytes, place ?? { track, seq: at }), url };
    };
    const path = "/signed.m3u8";
    // Who replays them has the bytes that they prove, and is believed by whoever pins no key.
    const theirs = publish(hosts[0], path, (at) => entry(at, false));
    const ours = publish(hosts[1], path, (at) => entry(at, true));
    const holder = await open(browser, origin, theirs, { swarm: { swarmId: "replay" } });
    try {
      await holder.untilWholeStream();
      const holderId = await peerId(holder);
      const swarm = { swarmId: "replay", publicKey: signer.publicKey };
      const [state, deceived] = await Promise.all([
        visit(ours, swarm, "played past what is replayed", reached(8)),
        wrongWithoutKey(ours, reached(8)),
      ]);
      assert.ok(deceived.length > 0, "who pins no key is deceived: the attack is one");
      for (const number of replayed.keys()) {
        const segment = state.segments.find((seen) => seen.number === number);
        assert.deepEqual([segment?.source, segment?.peerBytes], ["cdn", 0], `segment ${number}`);
      }
      const codes = state.warnings.map(({ code }) => code);
      assert.deepEqual(codes, ["signature", "signature"]);
      // The twin: its other lines, in their places.
      t.diagnostic(`${sentBy(state, holderId)} bytes from who replays two lines`);
      assert.ok(sentBy(state, holderId) > 0, "what is signed for its place is taken");
      assert.deepEqual(closedReasons(state, holderId), []);
    } finally {
      await holder.close();
    }
  },
);

test(
  "an encoder that restarts: two contents for one number, and nobody is dropped",
  limits,
  async () => {
    const [before, again] = [take("ts"), take("sequence")];
    const restartsAt = 6;
    const path = "/restart.m3u8";
    /** @param {Segment[]} rest */
    const entry = (rest) => (/** @type {number} */ at) => {
      const { url, bytes } = /** @type {Segment} */ ((at < restartsAt ? before : rest)[at]);
      return { line: lineOf(bytes), url };
    };
    const old = publish(hosts[0], path, entry(before));
    const now = publish(hosts[1], path, entry(again));
    const swarm = { swarmId: "restart" };
    // One never hears of the restart, one does.
    const stale = await open(browser, origin, old, { swarm });
    await stale.untilWholeStream();
    const fresh = await open(browser, origin, now, { swarm });
    try {
      await fresh.untilWholeStream();
      const ids = { stale: await peerId(stale), fresh: await peerId(fresh) };
      const state = await visit(now, swarm, "played past the restart", reached(restartsAt + 3));
      const senders = new Set(sendersOf(state, (number) => number >= restartsAt));
      assert.deepEqual([...senders], [ids.fresh], "only who has the second take serves it");
      const earlier = sendersOf(state, (number) => number < restartsAt);
      assert.ok(earlier.length > 0, "before it, both are asked");
      const pages = [state, await stale.state(), await fresh.state()];
      for (const { peers, warnings } of pages) {
        assert.deepEqual(warnings, []);
        const blamed = peers.filter(({ reason }) => reason && !blameless.includes(reason));
        assert.deepEqual(blamed, []);
      }
      for (const page of [stale, fresh]) {
        assert.deepEqual(await wrongByOrigin(await page.until("hashed", isHashed)), []);
      }
    } finally {
      await Promise.all([stale.close(), fresh.close()]);
    }
  },
);

/** Ends of links that are nobody's fault. */
const blameless = ["gone", "duplicate", "not-needed"];

test("live: older segments sent for newer ones", limits, async (t) => {
  const src = origin.at("/live/index.m3u8");
  const swarm = { swarmId: "live" };
  const liar = await open(browser, origin, src, { swarm }, liarScript);
  const liarId = await peerId(await liar.until("began", reached(0)).then(() => liar));
  const honest = await open(browser, origin, src, { swarm });
  try {
    // The twin: as long as it tells the truth it is taken at its word.
    await honest.until("was served by the page that will lie", (seen) => sentBy(seen, liarId) > 0);
    const honestId = await peerId(honest);

    // Under the newer one's name: the right hash of a wrong segment.
    await lie(liar, "swap");
    const named = await visit(
      src,
      swarm,
      "dropped the liar and went on",
      (seen) => closedReasons(seen, liarId).length > 0 && sentBy(seen, honestId) > 0,
      1,
    );
    assert.deepEqual(closedReasons(named, liarId), ["wrong-block"]);
    assert.deepEqual(closedReasons(named, honestId), []);

    // Under their own name: right in every bit, and not what was asked for.
    await lie(liar, "older");
    const unasked = await visit(
      src,
      swarm,
      "went on beside the liar",
      (seen) => seen.fragments.length >= 6 && sentBy(seen, honestId) > 0,
      1,
    );
    const { lies, asked } = await confess(liar);
    t.diagnostic(`${lies} lies, ${asked} blocks asked of it, ${sentBy(unasked, liarId)} taken`);
    assert.ok(lies > 0, "it lied");
    assert.deepEqual(closedReasons(unasked, honestId), []);
    assert.deepEqual(await wrongByOrigin(await honest.until("hashed", isHashed)), []);
  } finally {
    await Promise.all([liar.close(), honest.close()]);
  }
});
