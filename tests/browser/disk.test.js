// @ts-check
// `diskCache`: a viewer who comes back asks the origin for little, believes nothing that its disk says, and feeds its
// neighbours with what it has not asked for yet. The verdict is the origin's own count; every fragment that a player
// was handed is compared with the file.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { hlsBuilds, mediaOf, Origin, startBrowser, Viewer } from "./harness.js";
import { assertFine, linked, toTheEnd } from "./players.js";

/** @typedef {import("./pages/viewer.js").State} State */
/** @typedef {import("playwright-core").BrowserContext} Context */

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";
const limits = { skip, timeout: 180_000 };
/** Segments that a player may have asked for before its engine is there: the film has twelve. */
const firstMax = 4;

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  origin = await Origin.start({ "/media/ts": fixture("ts") });
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await origin?.stop();
});

/** A page of a site that the browser may know already. @param {Context} context @param {string} swarmId @param {Record<string, unknown>} [config] */
async function visit(context, swarmId, config = { diskCache: true }) {
  const page = await context.newPage();
  await page.goto(origin.at("/test/viewer.html"));
  await page.waitForFunction(() => "viewer" in window);
  const swarm = { swarmId, trackerUrls: [origin.trackerUrl], stunServers: [], ...config };
  const src = origin.at("/media/ts/index.m3u8");
  const player = { maxBufferLength: 4, maxMaxBufferLength: 4 };
  await page.evaluate((given) => Reflect.get(window, "viewer").start(given), {
    ...{ src, hls: hlsBuilds["1.7"], swarm, player },
  });
  const viewer = new Viewer(context, page);
  await viewer.until("runs", ({ stats }) => stats?.state === "running");
  return viewer;
}

/** Segments that the disk holds. @param {Viewer} viewer @returns {Promise<number>} */
const kept = (viewer) =>
  viewer.page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const opening = indexedDB.open("swarmline");
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const counting = opening.result.transaction("bytes").objectStore("bytes").count();
          counting.onsuccess = () => {
            opening.result.close();
            resolve(counting.result);
          };
        };
      }),
  );

/** Waits until the disk holds as many. @param {Viewer} viewer @param {number} count */
async function untilKept(viewer, count) {
  for (let tries = 0; (await kept(viewer)) < count; tries += 1) {
    assert.ok(tries < 100, `${await kept(viewer)} of ${count} segments were kept`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

/** Watches all of it, once, and leaves. @param {Context} context @param {string} swarmId */
async function watchOnce(context, swarmId) {
  const viewer = await visit(context, swarmId);
  const { fragments } = await toTheEnd(viewer);
  // Those that the player's own loader brought are adopted.
  await untilKept(viewer, fragments.length);
  await viewer.page.close();
  await origin.reset();
  return fragments.length;
}

const paths = async () => Object.keys(mediaOf(await origin.files()).files);

test("who comes back asks for the first segments, and its disk for the rest", limits, async (t) => {
  const context = await browser.newContext();
  try {
    const count = await watchOnce(context, "back");
    const viewer = await visit(context, "back");
    const state = await toTheEnd(viewer);
    assertFine(state, fixture("ts"));
    const asked = await paths();
    t.diagnostic(`${asked.length} of ${count} segments were asked of the origin`);
    assert.ok(asked.length <= firstMax, asked.join());
    assert.ok((state.stats?.segments.cache ?? 0) >= count - firstMax, "the rest was here");
    const { text } = await viewer.page.evaluate(() => Reflect.get(window, "viewer").diagnose());
    assert.match(text, /^disk +\d+\.\d of at most \d+\.\d MB$/m);
  } finally {
    await context.close();
  }
});

test("what changed on the disk is refused, fetched, and kept as it should be", limits, async () => {
  const context = await browser.newContext();
  try {
    const count = await watchOnce(context, "changed");
    const spoiler = await context.newPage();
    await spoiler.goto(origin.at("/test/frame.html"));
    await spoiler.evaluate(async () => {
      /** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
      const answer = (request) =>
        new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const db = await answer(indexedDB.open("swarmline"));
      const store = () => db.transaction("bytes", "readwrite").objectStore("bytes");
      for (const key of await answer(store().getAllKeys())) {
        /** @type {Blob} */
        const blob = await answer(store().get(key));
        const bytes = new Uint8Array(await blob.arrayBuffer());
        bytes[9] = (bytes[9] ?? 0) ^ 1;
        await answer(store().put(new Blob([bytes]), key));
      }
      db.close();
    });
    await spoiler.close();
    const viewer = await visit(context, "changed");
    const state = await toTheEnd(viewer);
    const codes = new Set(state.warnings.map(({ code }) => code));
    assert.deepEqual([...codes], ["disk-changed"]);
    assertFine({ ...state, warnings: [] }, fixture("ts"));
    assert.equal((await paths()).length, count, "all of it was asked of the origin");
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await viewer.page.close();
    await origin.reset();
    const again = await visit(context, "changed");
    assertFine(await toTheEnd(again), fixture("ts"));
    assert.ok((await paths()).length <= firstMax);
  } finally {
    await context.close();
  }
});

test("a neighbour of who came back gets what neither has asked for", limits, async (t) => {
  const [home, elsewhere] = [await browser.newContext(), await browser.newContext()];
  try {
    const count = await watchOnce(home, "fed");
    const returned = await visit(home, "fed");
    const fresh = await visit(elsewhere, "fed", {});
    await linked(fresh);
    const whole = (/** @type {State} */ { stats }) => (stats?.cacheSegments ?? 0) >= count;
    const { fragments } = await returned.until("holds all of it", whole, 10_000);
    assert.ok(fragments.length < count, `its player has asked for ${fragments.length}`);
    const before = (await fresh.state()).fragments.length;
    const served = mediaOf(await origin.files()).requests;
    const state = await toTheEnd(fresh);
    assertFine(state, fixture("ts"));
    const since = mediaOf(await origin.files()).requests - served;
    t.diagnostic(
      `${since} of ${count - before} segments were asked of the origin since they were linked`,
    );
    assert.ok(since <= 1, `${since} requests`);
    assert.ok((state.stats?.peerBytes ?? 0) > 0);
  } finally {
    await home.close();
    await elsewhere.close();
  }
});

test("cleared by the page: nothing of it is left", limits, async () => {
  const context = await browser.newContext();
  try {
    const viewer = await visit(context, "cleared");
    await untilKept(viewer, 1);
    const left = await viewer.page.evaluate(async () => {
      const { clearDiskCache } = await import("/dist/index.js");
      await clearDiskCache();
      return (await indexedDB.databases()).length;
    });
    assert.equal(left, 0);
    await toTheEnd(viewer);
    const after = await viewer.page.evaluate(async () => (await indexedDB.databases()).length);
    assert.equal(after, 0, "and nothing more is kept");
    assertFine(await viewer.state(), fixture("ts"));
  } finally {
    await context.close();
  }
});
