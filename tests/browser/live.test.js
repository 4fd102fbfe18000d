// @ts-check
// Live: a looped stream whose every pass differs in bytes and time, watched at hls.js's own latency by
// two pages signed and two unsigned. Each pair must take much less from the origin than it was handed,
// and the two of a pair must have been handed the same bytes under the same name.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { hlsBuilds, mediaOf, Origin, startBrowser, Viewer } from "./harness.js";

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";
/** How much less is for the benchmark to say: on a busy machine a link comes seconds late. */
const shareOfPlainMax = 0.9;

/** Fragments the later viewer of a pair must have seen: enough for its first one to weigh little. */
const fragmentsWanted = 9;

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  origin = await Origin.start({}, ["--live", `/live=${join(fixture("ts"), "index.m3u8")}`]);
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await origin?.stop();
});

test("live, two pages signed and two unsigned", { skip, timeout: 120_000 }, async (t) => {
  await origin.reset();
  const swarm = { trackerUrls: [origin.trackerUrl], stunServers: [] };
  /** @param {string} path */
  const open = (path) =>
    Viewer.open(browser, origin, { src: origin.at(path), hls: hlsBuilds["1.7"], swarm });
  /** @param {string} prefix */
  const pair = async (prefix) => {
    const viewers = [
      await open(`${prefix}/live/index.m3u8`),
      await open(`${prefix}/live/index.m3u8`),
    ];
    const enough = (/** @type {import("./pages/viewer.js").State} */ { fragments }) =>
      fragments.length >= fragmentsWanted && fragments.every(({ sha256 }) => sha256 !== "");
    await Promise.all(
      viewers.map((viewer) => viewer.until("saw enough of the stream", enough, 90_000)),
    );
    return { prefix, viewers };
  };
  const pairs = await Promise.all([pair(""), pair("/unsigned")]);
  const files = await origin.files();
  for (const { prefix, viewers } of pairs) {
    const states = await Promise.all(viewers.map((viewer) => viewer.state()));
    const known = new Set(
      states.flatMap(({ fragments }) => fragments.map(({ url }) => new URL(url).pathname)),
    );
    const served = mediaOf(
      Object.fromEntries(Object.entries(files).filter(([path]) => known.has(path))),
    );
    const handed = states
      .flatMap(({ fragments }) => fragments)
      .reduce((total, { bytes }) => total + bytes, 0);
    const share = served.bytes / handed;
    t.diagnostic(`${prefix || "signed"}: ${Math.round(share * 100)} % of plain`);
    assert.ok(
      share <= shareOfPlainMax,
      `${Math.round(share * 100)} % of the bytes of two plain viewers`,
    );
    assertSameBytes(states);
    for (const state of states) {
      assert.deepEqual(
        state.errors.filter((error) => error.fatal),
        [],
      );
      assert.deepEqual([...state.warnings, ...state.swarmErrors], []);
      assert.ok(state.workers > 0, "hls.js made its worker");
    }
  }
  await Promise.all(pairs.flatMap(({ viewers }) => viewers.map((viewer) => viewer.close())));
});

/** @param {import("./pages/viewer.js").State[]} states */
function assertSameBytes(states) {
  const seen = new Map();
  let compared = 0;
  for (const { url, sha256 } of states.flatMap(({ fragments }) => fragments)) {
    if (seen.has(url)) {
      assert.equal(sha256, seen.get(url), `${url} is the same for both`);
      compared += 1;
    }
    seen.set(url, sha256);
  }
  assert.ok(compared > 0, "both were handed some of the same segments");
}
