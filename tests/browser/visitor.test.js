// @ts-check
// A browser as a visitor has it: no flag but `--headless --no-sandbox`, so local addresses hide behind
// mDNS names and nothing else is tuned for tests.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { chromePath, hlsBuilds, Origin, Viewer, wrongFragment } from "./harness.js";

/** @param {import("./harness.js").State} state */
const isHashed = ({ fragments }) => fragments.every(({ sha256 }) => sha256 !== "");

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";

test("only --headless --no-sandbox: two visitors share", { skip, timeout: 120_000 }, async () => {
  const profile = mkdtempSync(join(tmpdir(), "swarmline-visitor-"));
  const origin = await Origin.start({ "/media/cmaf": fixture("cmaf") });
  // The last two flags are how we speak to the browser at all.
  const args = [
    "--headless",
    "--no-sandbox",
    "--remote-debugging-pipe",
    `--user-data-dir=${profile}`,
  ];
  const browser = await chromium.launch({
    executablePath: chromePath(),
    args,
    ignoreDefaultArgs: true,
  });
  try {
    const swarm = { trackerUrls: [origin.trackerUrl], stunServers: [] };
    const options = { src: origin.at("/media/cmaf/index.m3u8"), hls: hlsBuilds["1.7"], swarm };
    const first = await Viewer.open(browser, origin, options);
    await first.untilWholeStream();
    // A link may open later than the CDN brings all of so short a film: this one reads a little ahead.
    const player = { maxBufferLength: 4, maxMaxBufferLength: 4 };
    const second = await Viewer.open(browser, origin, { ...options, player });
    await second.until("was fed by the first", ({ stats }) => (stats?.peerBytes ?? 0) > 0);
    assert.equal(
      wrongFragment(await second.until("hashed it", isHashed), fixture("cmaf")),
      undefined,
    );
  } finally {
    await browser.close();
    await origin.stop();
    rmSync(profile, { recursive: true, force: true });
  }
});
