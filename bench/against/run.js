// @ts-check
// One run: an origin and a browser of its own, viewers who join on a schedule and watch, and then everything
// is read, processor time first. Live time begins with the origin, so every run of a scenario meets the same
// segments at the same moments. It measures and judges nothing.

import { join } from "node:path";
import { root } from "../../tests/browser/fixtures.js";
import { hlsFolder, Origin, startBrowser } from "../../tests/browser/harness.js";
import { log, sum, wait } from "../measure.js";
import { dist, packed } from "../packed.js";
import { figuresOf } from "./figures.js";
import { kinds, leadSeconds, scenarios } from "./matrix.js";
import { children, cpuSeconds, machineBusySeconds, memoryBytes } from "./processes.js";
import { transferBytes } from "./weight.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").Browser} Browser */
/** @typedef {import("./matrix.js").Run} Run */
/** @typedef {import("./matrix.js").Scenario} Scenario */
/** @typedef {import("./matrix.js").Kind} Kind */
/** @typedef {import("../pages/against.js").State} State */

/** As in the field's own measurements. */
const liveWindow = 8;

const pages = join(root, "bench", "pages");
const incumbentFolder = join(root, "bench", "incumbent", "node_modules");

/** Where scripts lie that a page may load, by path. */
const scriptFolders = {
  "/dist": dist,
  "/incumbent": incumbentFolder,
  "/hls-1.7": hlsFolder,
};

/** A packet and what a queue holds of a link's second, for shaped data channels. */
const packetBytes = 1200;
const queueSeconds = 0.5;
const queuePacketsMin = 30;

/**
 * @param {Run} plan
 * @param {{ film: string, ladder: string | null }} streams folders
 * @returns {Promise<{ figures: import("./figures.js").Figures, chromium: string }>}
 */
export async function runOnce(plan, streams) {
  const scenario = scenarios[plan.scenario];
  const kind = kinds[plan.kind];
  if (!scenario || !kind) throw new Error(`no run of ${plan.scenario} and ${plan.kind}`);
  const folders = {
    "/media/film": streams.film,
    "/bench": pages,
    "/incumbent": incumbentFolder,
    "/dist": packed(),
  };
  if (streams.ladder) Object.assign(folders, { "/media/ladder": streams.ladder });
  const live = ["--live", `/live=${streams.film}/index.m3u8`, "--live-window", String(liveWindow)];
  const origin = await Origin.start(folders, live);
  const started = Date.now();
  const before = new Set(children());
  /** @type {Browser | null} */
  let browser = null;
  try {
    browser = await startBrowser();
    const [process] = children().filter((pid) => !before.has(pid));
    const path = pathOf(scenario, kind);
    await warm(origin, path);
    if (scenario.origin) await origin.shape(scenario.origin);
    await origin.reset();
    await wait(leadSeconds - (Date.now() - started) / 1000);
    const clocks = { browser: browserSeconds(process), machine: machineBusySeconds() };
    const viewers = await joinAll(browser, origin, path, plan, scenario, kind);
    await wait(plan.watchSeconds);
    const cpu = since(browserSeconds(process), clocks.browser);
    const busy = since(machineBusySeconds(), clocks.machine);
    const [files, ...states] = await Promise.all([
      origin.files(),
      ...viewers.map((page) => page.evaluate(() => Reflect.get(window, "viewer").state())),
    ]);
    const browserBytes = process === undefined ? null : memoryBytes(process);
    const heaps = await Promise.all(viewers.map(heapBytes));
    const system = {
      cpuSeconds: cpu,
      othersCpuSeconds: cpu === null || busy === null ? null : busy - cpu,
      browserBytes,
      pageBytes: sum(heaps) / heaps.length,
      transferBytes: transferBytes(states[0]?.scripts ?? [], scriptFolders),
    };
    return { figures: { ...figuresOf(states, files), ...system }, chromium: browser.version() };
  } finally {
    await browser?.close();
    await origin.stop();
  }
}

/** Digests are swarmline's own expense: only its viewers load playlists that carry them. @param {Scenario} scenario @param {Kind} kind */
function pathOf({ stream }, { library }) {
  const path = stream === "live" ? "/live/index.m3u8" : `/media/${stream}/index.m3u8`;
  return library === "swarmline" ? path : `/unsigned${path}`;
}

/** The origin has made what it makes on first use. @param {Origin} origin @param {string} path */
async function warm(origin, path) {
  const text = await (await fetch(origin.at(path))).text();
  const children = text.split("\n").filter((line) => /^[^#].*\.m3u8/.test(line));
  for (const child of children) await (await fetch(new URL(child, origin.at(path)))).text();
}

/** @param {Browser} browser @param {Origin} origin @param {string} path @param {Run} plan @param {Scenario} scenario @param {Kind} kind */
async function joinAll(browser, origin, path, plan, scenario, kind) {
  const viewers = [];
  const started = Date.now();
  for (let at = 0; at < plan.viewers; at += 1) {
    await wait(at * scenario.apartSeconds - (Date.now() - started) / 1000);
    const page = await open(browser, origin, at, scenario);
    const options = {
      library: kind.library,
      src: origin.at(path),
      trackerUrl: origin.trackerUrl,
      player: kind.player ?? {},
      core: kind.core,
    };
    await page.evaluate((given) => Reflect.get(window, "viewer").start(given), options);
    viewers.push(page);
  }
  log(`  ${plan.kind}: all ${plan.viewers} watch, for ${plan.watchSeconds} s`);
  return viewers;
}

/** A page in a context of its own, behind the link that the scenario gives it. @param {Browser} browser @param {Origin} origin @param {number} at @param {Scenario} scenario */
async function open(browser, origin, at, scenario) {
  const context = await browser.newContext({ extraHTTPHeaders: { "x-visitor": String(at) } });
  const page = await context.newPage();
  await page.addInitScript({ path: join(pages, "links.js") });
  await page.goto(origin.at("/bench/against.html"));
  await page.waitForFunction(() => "viewer" in window);
  const down = scenario.downlinks?.[at % scenario.downlinks.length] ?? -1;
  const up = at === 0 ? (scenario.firstUplink ?? -1) : -1;
  if (down > 0 || up > 0) await limit(page, down, up);
  return page;
}

/** Chromium's own shaping: HTTP and data channels, each to the rate. @param {Page} page @param {number} down bytes a second, -1 is no limit @param {number} up */
async function limit(page, down, up) {
  const narrowest = Math.min(...[down, up].filter((rate) => rate > 0));
  const session = await page.context().newCDPSession(page);
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: down,
    uploadThroughput: up,
    packetQueueLength: Math.max(
      queuePacketsMin,
      Math.round((narrowest * queueSeconds) / packetBytes),
    ),
  });
}

/** What a page holds after a collection: heap, array buffers, wasm. @param {Page} page */
async function heapBytes(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const heap = await session.send("Runtime.getHeapUsage");
  const { usedSize, backingStorageSize = 0 } = /** @type {Record<string, number>} */ (heap);
  const wasm = await page.evaluate(() => Reflect.get(window, "viewer").state().own.wasmBytes);
  return (usedSize ?? 0) + backingStorageSize + wasm;
}

/** @param {number | undefined} process */
const browserSeconds = (process) => (process === undefined ? null : cpuSeconds(process));

/** @param {number | null} now @param {number | null} then */
const since = (now, then) => (now === null || then === null ? null : now - then);
