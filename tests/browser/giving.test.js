// @ts-check
// What a viewer gives, and that it stops when it is told to: nothing leaves a page before its consent, nothing
// after it was switched off, no more than `uploadLimit` at any time. Counted at the page's own channels and
// sockets, and by its connections' statistics of packets.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { assertUnharmed } from "./dishonest.js";
import { fixture, hasFfmpeg, root } from "./fixtures.js";
import { hlsBuilds, mediaOf, Origin, startBrowser, Viewer, wrongFragment } from "./harness.js";
import { limited } from "./limited.js";
import { countWhatLeaves, onTheWire, told } from "./wire.js";

/** @typedef {import("./pages/viewer.js").State} State */

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";
const limits = { skip, timeout: 120_000 };

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  origin = await Origin.start({
    "/media/ts": fixture("ts"),
    "/bench": join(root, "bench", "pages"),
  });
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await origin?.stop();
});

/** @param {string} swarmId @param {Record<string, unknown>} [config] @param {Record<string, unknown>} [player] */
function open(swarmId, config = {}, player = {}) {
  const swarm = { swarmId, trackerUrls: [origin.trackerUrl], stunServers: [], ...config };
  const src = origin.at("/media/ts/index.m3u8");
  return Viewer.open(
    browser,
    origin,
    { src, hls: hlsBuilds["1.7"], swarm, player },
    countWhatLeaves,
  );
}

/** Reads a few seconds ahead only, so that it asks for more as long as it plays. */
const inSmallSteps = { maxBufferLength: 4, maxMaxBufferLength: 4 };
const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));
const uploaded = (/** @type {State} */ { stats }) => stats?.uploadedBytes ?? 0;
const fed = (/** @type {State} */ { stats }) => stats?.peerBytes ?? 0;

test("switched off while it gives: not a byte more, no glitch, and on again", limits, async (t) => {
  const giver = await open("off");
  await giver.untilWholeStream();
  const taker = await open("off", {}, inSmallSteps);
  try {
    await giver.until("gave something", (state) => uploaded(state) > 0);
    await giver.update({ enabled: false });
    const before = [await told(giver), uploaded(await giver.state())];
    assert.equal(await onTheWire(giver), 0, "no connection is open");
    const had = fed(await taker.state());
    const left = mediaOf(await origin.files()).bytes;
    const plain = await Viewer.open(browser, origin, {
      ...{ src: origin.at("/media/ts/index.m3u8"), hls: hlsBuilds["1.7"] },
      ...{ swarm: null, player: inSmallSteps },
    });
    await Promise.all([taker, plain].map((viewer) => viewer.tell("speed", 2)));
    const state = await taker.untilWholeStream();
    await plain.untilWholeStream();
    assert.deepEqual([await told(giver), uploaded(await giver.state())], before);
    assert.equal(await onTheWire(giver), 0);
    assert.ok(mediaOf(await origin.files()).bytes > left, "the rest came from the CDN");
    // What was on its way when it was told may still come.
    assert.ok(fed(state) - had <= 256 * 1024, `${fed(state) - had} bytes of peers after it`);
    const alone = await plain.state();
    await plain.close();
    for (const seen of [state, await giver.state()]) {
      assertUnharmed(seen, alone);
      assert.equal(wrongFragment(seen, fixture("ts")), undefined);
    }
    t.diagnostic(`${JSON.stringify(before[1])} bytes given before`);

    await giver.update({ enabled: true });
    const again = await open("off", {}, inSmallSteps);
    await again.until("was fed by who came back", (seen) => fed(seen) > 0);
    await again.close();
  } finally {
    await Promise.all([giver.close(), taker.close()]);
  }
});

test("before consent nothing is dialled or announced, and with it all is", limits, async () => {
  const holder = await open("consent");
  await holder.untilWholeStream();
  const asked = await open("consent", { onConsent: "asked" }, inSmallSteps);
  try {
    await asked.until("plays by itself", ({ bufferedEnd }) => bufferedEnd > 3);
    await pause(1_000);
    const { sockets, connections, messages } = await told(asked);
    assert.deepEqual([sockets, connections, messages], [0, 0, 0]);
    assert.equal((await asked.state()).stats?.state, "off");
    await asked.tell("consent");
    await asked.until("was fed by the other", (state) => fed(state) > 0);
  } finally {
    await Promise.all([holder.close(), asked.close()]);
  }
});

test("uploadLimit caps what leaves, packets and all", limits, async (t) => {
  const run = await limited(browser, origin, { bytesPerS: 200_000, seconds: 12 });
  t.diagnostic(`${run.part.toFixed(3)} of the limit on the wire`);
  assert.ok(run.part < 1.05, `${run.part} of the limit`);
  assert.ok(run.part > 0.5, `${run.part} of the limit: it is used`);
});

test(
  "a viewer is another one on each visit, and nothing of it stays in the browser",
  limits,
  async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    try {
      const ids = new Set();
      for (const swarmId of ["visit", "visit", "visit elsewhere"]) {
        await page.goto(origin.at("/test/viewer.html"));
        await page.waitForFunction(() => "viewer" in window);
        const swarm = { swarmId, trackerUrls: [origin.trackerUrl], stunServers: [] };
        const src = origin.at("/media/ts/index.m3u8");
        await page.evaluate((given) => Reflect.get(window, "viewer").start(given), {
          ...{ src, hls: hlsBuilds["1.7"], swarm },
        });
        const viewer = new Viewer(context, page);
        const known = (/** @type {State} */ { stats }) => (stats?.swarmSize ?? 0) > 0;
        ids.add((await viewer.until("is known to the tracker", known)).stats?.peerId);
      }
      assert.equal(ids.size, 3);
      const kept = await page.evaluate(async () => {
        const files = [];
        const folder = /** @type {any} */ (await navigator.storage.getDirectory());
        for await (const name of folder.keys()) files.push(name);
        return {
          databases: (await indexedDB.databases()).length,
          caches: (await caches.keys()).length,
          local: localStorage.length,
          session: sessionStorage.length,
          cookies: document.cookie,
          files,
        };
      });
      const nothing = { databases: 0, caches: 0, local: 0, session: 0, cookies: "", files: [] };
      assert.deepEqual(kept, nothing);
    } finally {
      await context.close();
    }
  },
);
