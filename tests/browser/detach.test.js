// @ts-check
// A hundred swarms come and go on a page whose player stays; Shaka and dash.js load their stream anew for each. Afterwards the page holds what it held before: listeners, timers, workers, sockets,
// connections, counted from the page's first script on; and neither the module's memory nor the page's heap
// has grown from round to round.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { dashBuild, hlsBuilds, Origin, shakaBuilds, startBrowser, Viewer } from "./harness.js";

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";
/** Rounds before the first count: code is compiled, caches are filled, what is kept on purpose is kept. */
const warmUp = 10;
const rounds = 100;
/** Three pages of wasm: how the allocator lies. An engine that stayed would take 15 kB a round. */
const wasmSlackBytes = 3 * 65_536;
/** What a heap may differ by between two looks at it, after a collection. */
const heapSlackBytes = 2 ** 20;

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  origin = await Origin.start({
    "/media/cmaf": fixture("cmaf"),
    "/media/dash": fixture("dash-time"),
  });
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await origin?.stop();
});

/** @param {import("playwright-core").Page} page @param {string} verb @param {unknown[]} given */
const tell = (page, verb, ...given) =>
  page.evaluate(
    ([name, rest]) => Reflect.get(window, "page")[name](...rest),
    /** @type {const} */ ([verb, given]),
  );

/** What the page holds, once what ends later has ended. @param {import("playwright-core").Page} page */
async function held(page) {
  const session = await page.context().newCDPSession(page);
  for (let at = 0; at < 3; at += 1) await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  const open = await tell(page, "open");
  return { open, heapBytes: usedSize, wasmBytes: await tell(page, "wasmMemoryBytes") };
}

/**
 * Waits until the page holds no more of anything than before; else says of what, and how much more.
 * @param {import("playwright-core").Page} page @param {Record<string, number>} before
 */
async function settles(page, before) {
  const end = Date.now() + 10_000;
  for (;;) {
    const now = await tell(page, "open");
    const more = Object.entries(now).filter(([what, count]) => count > (before[what] ?? 0));
    if (more.length === 0 || Date.now() > end) return Object.fromEntries(more);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Listeners that so many loads of the player alone leave on the page. @param {import("playwright-core").Page} page @param {number} loads */
async function left(page, loads) {
  const { listeners } = await tell(page, "open");
  await tell(page, "plain", loads);
  return (await tell(page, "open")).listeners - listeners;
}

for (const [player, script, other] of /** @type {const} */ ([
  ["hls", hlsBuilds["1.7"], { hls: hlsBuilds["1.7"] }],
  ["shaka", shakaBuilds["5.2"], { hls: hlsBuilds["1.7"] }],
  ["dash", dashBuild, { dash: dashBuild }],
])) {
  test(`${rounds} swarms come and go: ${player}`, { skip, timeout: 240_000 }, async (t) => {
    const src = origin.at(player === "dash" ? "/media/dash/index.mpd" : "/media/cmaf/index.m3u8");
    const swarm = { trackerUrls: [origin.trackerUrl], stunServers: [] };
    // Somebody to be linked to, so that a round is more than a socket.
    const company = await Viewer.open(browser, origin, { src, swarm, ...other });
    await company.tell("readAhead");
    await company.untilWholeStream();
    const page = await (await browser.newContext()).newPage();
    await page.goto(origin.at("/test/rounds.html"));
    await page.waitForFunction(() => "page" in window);
    await tell(page, "start", { src, script, player });
    // What a player leaves with each load, alone as well, is not ours: Shaka 5.2 two listeners on the video.
    await tell(page, "plain", warmUp);
    const its = (await left(page, warmUp)) / warmUp;
    await tell(page, "rounds", warmUp, swarm);
    const first = await held(page);
    await tell(page, "rounds", rounds, swarm);
    const usual = { ...first.open, listeners: first.open.listeners + its * rounds };
    const more = await settles(page, usual);
    const last = await held(page);
    const links = await tell(page, "links");
    t.diagnostic(JSON.stringify({ first, last, links, its }));
    if (more.listeners !== undefined) {
      // It leaves more on a busy machine: as many loads of it alone, now, are the measure.
      const alone = await left(page, rounds);
      if (more.listeners <= first.open.listeners + alone) delete more.listeners;
    }
    assert.deepEqual(more, {}, `more than ${JSON.stringify(usual)}`);
    assert.ok(links >= rounds / 10, `${links} links were opened`);
    assert.equal(last.open.workers, first.open.workers);
    assert.equal(last.open.connections, 0);
    assert.equal(last.open.sockets, 0);
    if (player === "shaka") {
      const schemes = await tell(page, "ownSchemes");
      assert.deepEqual(schemes.toSorted(), [
        ["http", true],
        ["https", true],
      ]);
    }
    assert.ok(first.wasmBytes > 0, "the module was there");
    assert.ok(
      last.wasmBytes <= first.wasmBytes + wasmSlackBytes,
      `the module's memory grew from ${first.wasmBytes} to ${last.wasmBytes} bytes`,
    );
    assert.ok(
      last.heapBytes < first.heapBytes + heapSlackBytes,
      `the heap grew from ${first.heapBytes} to ${last.heapBytes} bytes`,
    );
    await page.context().close();
    await company.close();
  });
}
