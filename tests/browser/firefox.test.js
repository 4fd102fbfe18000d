// @ts-check
// Firefox: the same pages, players and streams as in Chromium, and viewers in both browsers as one swarm. MPDs are
// read by the browser's own `DOMParser`, so theirs is held here too. The verdict is the origin's own count of
// bytes, and every segment is compared with the file it should be.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { firefoxPath, startFirefox } from "./firefox.js";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { mediaOf, Origin, startBrowser, Viewer } from "./harness.js";
import { assertFed, optionsOf, watchInTurn } from "./players.js";

/** @typedef {import("playwright-core").Browser} Browser */
/** @typedef {import("./players.js").Player} Player */
/** @typedef {"Firefox" | "Chromium"} Name */

/** What two viewers of a live stream may take from the CDN, of what their players were handed. */
const shareMax = 0.75;
const streams = ["ts", "cmaf", "dash-time", "dash-base"];
const skip = missing();
const limits = { skip, timeout: 60_000 };

function missing() {
  if (!hasFfmpeg) return "no ffmpeg to make the fixtures";
  return firefoxPath() === undefined ? "no Firefox (install it, or name it in FIREFOX)" : false;
}

/** @type {Origin} */
let origin;
/** @type {Record<Name, Browser>} */
let browsers;
/** @type {Viewer[]} */
const opened = [];

before(async () => {
  if (skip) return;
  const folders = streams.map((name) => [`/media/${name}`, fixture(name)]);
  const live = ["--live", `/live=${join(fixture("ts"), "index.m3u8")}`];
  origin = await Origin.start(Object.fromEntries(folders), live);
  browsers = { Firefox: await startFirefox(), Chromium: await startBrowser() };
});

afterEach(async () => {
  // A viewer left behind would serve the next test.
  await Promise.all(opened.splice(0).map((viewer) => viewer.close().catch(() => undefined)));
});

after(async () => {
  await Promise.all(Object.values(browsers ?? {}).map((browser) => browser.close()));
  await origin?.stop();
});

/** @param {Name} browser @param {Player} player @param {string} path */
async function open(browser, player, path) {
  const swarm = { trackerUrls: [origin.trackerUrl], stunServers: [] };
  const options = optionsOf(player, origin.at(path), swarm);
  const viewer = await Viewer.open(browsers[browser], origin, options);
  opened.push(viewer);
  return viewer;
}

/** @type {[string, [Name, Player], [Name, Player]][]} */
const pairs = [
  ["ts/index.m3u8", ["Firefox", "hls.js"], ["Firefox", "hls.js"]],
  ["cmaf/index.m3u8", ["Firefox", "shaka-5.2"], ["Firefox", "shaka-5.2"]],
  ["dash-time/index.mpd", ["Firefox", "shaka-5.2"], ["Firefox", "shaka-4.16"]],
  ["dash-base/index.mpd", ["Firefox", "dash.js"], ["Firefox", "dash.js"]],
  ["ts/index.m3u8", ["Chromium", "hls.js"], ["Firefox", "hls.js"]],
  ["cmaf/index.m3u8", ["Firefox", "hls.js"], ["Chromium", "shaka-5.2"]],
  ["dash-time/index.mpd", ["Firefox", "dash.js"], ["Chromium", "shaka-5.2"]],
  ["dash-base/index.mpd", ["Chromium", "dash.js"], ["Firefox", "shaka-5.2"]],
];
for (const [path, ...viewers] of pairs) {
  const names = viewers.map(([browser, player]) => `${player} in ${browser}`);
  test(`${path}: ${names.join(" feeds ")}`, limits, async (t) => {
    const opens = viewers.map(
      ([browser, player]) =>
        () =>
          open(browser, player, `/media/${path}`),
    );
    const folder = fixture(path.split("/")[0] ?? "");
    assertFed(t, await watchInTurn(origin, folder, opens));
  });
}

test("live: Firefox and Chromium share", limits, async (t) => {
  await origin.reset();
  const viewers = await Promise.all(
    /** @type {const} */ (["Firefox", "Chromium"]).map((browser) =>
      open(browser, "hls.js", "/live/index.m3u8"),
    ),
  );
  const states = await Promise.all(
    viewers.map((viewer) =>
      viewer.until("saw enough of the stream", ({ fragments }) => fragments.length >= 12),
    ),
  );
  const { bytes } = mediaOf(await origin.files());
  const handed = states.flatMap(({ fragments }) => fragments);
  const share = bytes / handed.reduce((sum, fragment) => sum + fragment.bytes, 0);
  t.diagnostic(`${Math.round(share * 100)} % of what players were handed`);
  assert.ok(share <= shareMax, `${Math.round(share * 100)} % of what players were handed`);
  for (const state of states) {
    assert.deepEqual([...state.warnings, ...state.swarmErrors], []);
    assert.equal(state.mediaError, null);
  }
  const [firefox, chromium] = states.map(
    ({ fragments }) => new Map(fragments.map(({ url, sha256 }) => [url, sha256])),
  );
  for (const [url, sha256] of firefox ?? []) {
    const other = chromium?.get(url);
    if (sha256 && other) assert.equal(other, sha256, url);
  }
});
