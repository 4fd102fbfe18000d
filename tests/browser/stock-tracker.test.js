// @ts-check
// Two pages that meet through a stock WebTorrent tracker, not ours: third-party trackers work as they
// are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startStockTracker } from "../interop/stock-tracker.js";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { hlsBuilds, Origin, startBrowser, Viewer, wrongFragment } from "./harness.js";

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";

test("a stock tracker brings two viewers together", { skip, timeout: 120_000 }, async () => {
  const tracker = await startStockTracker();
  const origin = await Origin.start({ "/media/ts": fixture("ts") }, ["--no-tracker"]);
  const browser = await startBrowser();
  try {
    const swarm = { trackerUrls: [tracker.url], stunServers: [] };
    const options = { src: origin.at("/media/ts/index.m3u8"), hls: hlsBuilds["1.7"], swarm };
    const first = await Viewer.open(browser, origin, options);
    await first.untilWholeStream();
    const second = await Viewer.open(browser, origin, options);
    const state = await second.untilWholeStream();
    assert.ok((state.stats?.peerBytes ?? 0) > 0, "the second viewer was fed by the first");
    assert.equal(wrongFragment(state, fixture("ts")), undefined);
  } finally {
    await browser.close();
    await origin.stop();
    await tracker.close();
  }
});
