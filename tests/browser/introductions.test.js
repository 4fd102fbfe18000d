// @ts-check
// Three pages in a line whose tracker is gone: the two at its ends are linked through the one between them, and go on
// sharing when that one leaves. Where the tracker signed for them, each is held against its proof first.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startOurTracker } from "../interop/our-tracker.js";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { hlsBuilds, Origin, startBrowser, Viewer, wrongFragment } from "./harness.js";

/** @typedef {import("./pages/viewer.js").State} State */

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";

/** A player that reads a little ahead: most of the stream is still to come. */
const shortBuffer = { maxBufferLength: 4, maxMaxBufferLength: 4 };

/** Whom a page is linked to. @param {State} state @returns {string[]} */
const linked = ({ stats }) => (stats?.peers ?? []).map(({ id }) => id).sort();

/** @param {Viewer} viewer */
const idOf = async (viewer) => (await viewer.state()).stats?.peerId ?? "";

/** Verified bytes from one peer. @param {State} state @param {string} peer */
function sentBy({ segments }, peer) {
  const senders = segments.flatMap((segment) => /** @type {any[]} */ (segment.senders));
  return senders.reduce((sum, sender) => sum + (sender.peer === peer ? sender.bytes : 0), 0);
}

/** @param {State} state */
const hasNoTracker = ({ stats }) => stats?.trackers[0]?.state !== "open";

/** Whether a page has asked for the module that checks signatures. @param {Viewer} viewer */
const asksKeys = ({ page }) =>
  page.evaluate(() =>
    performance.getEntriesByType("resource").some(({ name }) => /\/keys\.js$/.test(name)),
  );

/** A tracker that signs for its viewers. @returns {Promise<{ url: string, stop: () => Promise<unknown> }>} */
async function signingTracker() {
  const folder = mkdtempSync(join(tmpdir(), "swarmline-proofs-"));
  const key = join(folder, "proof.key");
  writeFileSync(key, `swarmline-secret-key-1 ${randomBytes(32).toString("base64")}\n`);
  const { url, close } = await startOurTracker(["--set", `access.proof_key_files=["${key}"]`]);
  rmSync(folder, { recursive: true });
  return { url, stop: close };
}

test(
  "two viewers meet through a third one when their tracker is gone",
  {
    skip,
    timeout: 180_000,
  },
  () => meetThroughAThird(false),
);

test("so do two for whom it has signed", { skip, timeout: 180_000 }, () => meetThroughAThird(true));

/** @param {boolean} signs */
async function meetThroughAThird(signs) {
  const origin = await Origin.start({ "/media/ts": fixture("ts") });
  const browser = await startBrowser();
  const tracker = signs
    ? await signingTracker()
    : { url: origin.trackerUrl, stop: () => origin.tracker(false) };
  const open = (/** @type {Record<string, unknown>} */ swarm, player = {}) =>
    Viewer.open(browser, origin, {
      src: origin.at("/media/ts/index.m3u8"),
      hls: hlsBuilds["1.7"],
      swarm: { trackerUrls: [tracker.url], stunServers: [], ...swarm },
      player,
    });
  try {
    // The first has one place, so the third meets only the one between them.
    const first = await open({ maxPeers: 1 });
    await first.untilWholeStream();
    const between = await open({});
    await between.until("is linked to the first", (state) => linked(state).length === 1);
    const third = await open({}, shortBuffer);
    await third.tell("speed", 0.1);
    await between.until("is linked to both", (state) => linked(state).length === 2);
    await third.until("is linked", (state) => linked(state).length === 1);
    const [firstId, betweenId, thirdId] = await Promise.all([first, between, third].map(idOf));
    assert.deepEqual(linked(await third.state()), [betweenId]);

    await tracker.stop();
    await Promise.all([first, third].map((page) => page.until("lost its tracker", hasNoTracker)));
    await first.update({ maxPeers: 10 });
    const both = (/** @type {(string | undefined)[]} */ ...ids) => JSON.stringify([...ids].sort());
    const isLinkedTo = (/** @type {(string | undefined)[]} */ ...ids) => {
      return (/** @type {State} */ state) => JSON.stringify(linked(state)) === both(...ids);
    };
    await first.until("met the third", isLinkedTo(betweenId, thirdId));
    const met = await third.until("met the first", isLinkedTo(firstId, betweenId));
    assert.ok(hasNoTracker(met));
    // The one between carries them unread.
    assert.deepEqual(await Promise.all([first, third, between].map(asksKeys)), [
      signs,
      signs,
      false,
    ]);

    await between.close();
    await third.until("has the first alone", isLinkedTo(firstId));
    const before = sentBy(await third.state(), firstId ?? "");
    await third.tell("speed", 1);
    await third.tell("readAhead");
    const state = await third.untilWholeStream();
    assert.ok(sentBy(state, firstId ?? "") > before, "segments crossed the new link");
    assert.equal(wrongFragment(state, fixture("ts")), undefined);
    assert.deepEqual(
      state.errors.filter(({ fatal }) => fatal),
      [],
    );
  } finally {
    await tracker.stop();
    await browser.close();
    await origin.stop();
  }
}
