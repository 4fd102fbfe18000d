// @ts-check
// Every kind of playlist, played in two pages with the second fed by the first, signed and unsigned. The
// verdict is the origin's own count of bytes; every fragment either player was handed is compared with
// the file it should be. hls.js runs with its worker, which detaches what it is given: a cache that
// handed out its own buffers would be empty when the second page asks.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fixture, hasFfmpeg, playlists } from "./fixtures.js";
import { Origin, Viewer, hlsBuilds, mediaOf, startBrowser, wrongFragment } from "./harness.js";

/** What two viewers may take from the CDN, of what two plain ones take. */
const shareOfPlainMax = 0.7;

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  origin = await Origin.start(
    Object.fromEntries(playlists.map((name) => [`/media/${name}`, fixture(name)])),
  );
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await origin?.stop();
});

/** @param {string} path @param {keyof typeof hlsBuilds} version @param {Record<string, unknown> | null} swarm */
const options = (path, version, swarm) => ({
  src: origin.at(path),
  hls: hlsBuilds[version],
  swarm,
  level: 0,
});

const swarmConfig = () => ({ trackerUrls: [origin.trackerUrl], stunServers: [] });

/** Some streams want more than to be watched. @type {Record<string, (viewer: Viewer) => Promise<unknown>>} */
const also = {
  async ladder(viewer) {
    await viewer.untilWholeStream();
    await viewer.tell("switchTo", 1);
    await viewer.until("switched", (state) => state.levels.includes(1));
  },
};

for (const [at, name] of playlists.entries()) {
  for (const signed of [true, false]) {
    const path = `${signed ? "" : "/unsigned"}/media/${name}/index.m3u8`;
    const older = at % 2 === 0 ? 1.5 : 1.6;
    const version = signed ? 1.7 : older;
    test(`${name}, ${signed ? "signed" : "unsigned"}, hls.js ${version}`, {
      skip,
      timeout: 180_000,
    }, async (t) => {
      const plain = await watch([null], path, version, name);
      const shared = await watch([swarmConfig(), swarmConfig()], path, version, name);
      const second = shared.states[1];
      assert.ok(second?.stats, "the second viewer has counters");
      assert.ok(second.stats.peerBytes > 0, "the second viewer was fed by the first");
      const share = shared.bytes / (2 * plain.bytes);
      t.diagnostic(
        `${Math.round(share * 100)} % of plain; the origin served twice: ${shared.twice.join(", ")}`,
      );
      assert.ok(
        share <= shareOfPlainMax,
        `${Math.round(share * 100)} % of the bytes of two plain viewers`,
      );
      assert.deepEqual(
        shared.states.flatMap((state) => [...state.warnings, ...state.swarmErrors]),
        [],
      );
    });
  }
}

/**
 * Viewers one after another, each to the end of the stream; what they saw, and the origin's count.
 * @param {(Record<string, unknown> | null)[]} swarms
 * @param {string} path
 * @param {keyof typeof hlsBuilds} version
 * @param {string} name
 */
async function watch(swarms, path, version, name) {
  await origin.reset();
  const viewers = [];
  const states = [];
  for (const swarm of swarms) {
    const viewer = await Viewer.open(browser, origin, options(path, version, swarm));
    viewers.push(viewer);
    await also[name]?.(viewer);
    states.push(await viewer.untilWholeStream());
  }
  for (const [at, viewer] of viewers.entries()) {
    const state = await viewer.until("hashed what it got", ({ fragments }) =>
      fragments.every(({ sha256 }) => sha256 !== ""),
    );
    states[at] = state;
    assert.equal(
      wrongFragment(state, fixture(name)),
      undefined,
      "every fragment is the file's bytes",
    );
    assert.ok(state.workers > 0, "hls.js made its worker");
    assert.deepEqual(state.errors.filter(isLoadError), []);
    assert.equal(state.mediaError, null);
    assert.ok(state.width > 0, "there is a picture");
  }
  const files = await origin.files();
  await Promise.all(viewers.map((viewer) => viewer.close()));
  const media = mediaOf(files);
  const twice = Object.entries(media.files)
    .filter(([, { requests }]) => requests > 1)
    .map(([path]) => path.split("/").pop());
  return { states, bytes: media.bytes, twice };
}

/** @param {{ details: string, fatal: boolean }} error */
function isLoadError(error) {
  return error.fatal || error.details.startsWith("frag") || error.details.startsWith("key");
}
