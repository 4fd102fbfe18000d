// @ts-check
// Every kind of playlist, played in two pages with the second fed by the first, signed and unsigned. The
// verdict is the origin's own count of bytes; every fragment either player was handed is compared with
// the file it should be. hls.js runs with its worker, which detaches what it is given: a cache that
// handed out its own buffers would be empty when the second page asks.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fixture, hasFfmpeg, playlists } from "./fixtures.js";
import { hlsBuilds, Origin, startBrowser, Viewer } from "./harness.js";
import { assertFed, optionsOf, toTheEnd, watchInTurn } from "./players.js";

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

const swarmConfig = () => ({ trackerUrls: [origin.trackerUrl], stunServers: [] });

/** Some streams want more than to be watched. @type {Record<string, (viewer: Viewer) => Promise<import("./harness.js").State>>} */
const ways = {
  async ladder(viewer) {
    await toTheEnd(viewer);
    await viewer.tell("switchTo", 1);
    await viewer.until("switched", (state) => state.levels.includes(1));
    return toTheEnd(viewer);
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
      const options = optionsOf("hls.js", origin.at(path), swarmConfig());
      const one = () => Viewer.open(browser, origin, { ...options, hls: hlsBuilds[version] });
      const shared = await watchInTurn(origin, fixture(name), [one, one], ways[name]);
      assertFed(t, shared);
      for (const state of shared.states) {
        assert.ok(state.workers > 0, "hls.js made its worker");
        assert.ok(state.width > 0, "there is a picture");
      }
    });
  }
}
