// @ts-check
// `cargo xtask soak browser`: two hours of a live stream in real pages. Some stay: hls.js and Shaka, each with a swarm
// and without; others come and go all the time, and every twenty minutes the tracker is away for one. Each minute is a
// line of target/soak-browser.jsonl: heap, the engine's memory, timers, sockets, connections, listeners, file descriptors
// and memory of the browser's and the origin's processes, stalls. Ends with an error where something grows that does
// not grow in a page without a swarm, or where a viewer stalls more than one without.

import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../tests/browser/fixtures.js";
import { hlsBuilds, Origin, shakaBuilds, startBrowser, Viewer } from "../tests/browser/harness.js";
import { children, family, memoryBytes } from "./against/processes.js";
import { log, median, sum, wait } from "./measure.js";
import { packed } from "./packed.js";
import { benchStream } from "./streams.js";
import { printTable } from "./table.js";

/** @typedef {Record<string, number>} Held what a page or a process holds, by name */
/** @typedef {{ minute: number, pages: Record<string, Held>, processes: Record<string, Held>, stalls: Record<string, number>, passed: number, passedStalls: number }} Minute */

/** What a trend is laid through: the middle of so many minutes, so that one collection more or less is no trend. */
const blockMinutes = 5;
/** Less than this an hour, of what there is, is none; */
const shareMin = 0.02;
/** nor are two pages of a module's memory, which comes by pages and never goes. */
const bytesMin = 2 * 65_536;
/** Nor is less than half a timer, socket or connection an hour. */
const countMin = 0.5;
const passerSeconds = 60;
/** How often the tracker goes away, and for how long. */
const outage = { everyMinutes: 20, minutes: 1 };

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "120" },
    report: { type: "boolean", default: false },
  },
});
const lines = join(root, "target", "soak-browser.jsonl");
if (values.report) {
  const text = readFileSync(lines, "utf8").trim();
  /** @type {Minute[]} */
  const samples = text.split("\n").map((line) => JSON.parse(line));
  process.exit(report(samples) ? 0 : 1);
}
const minutes = Number(values.minutes);
if (!(Number.isInteger(minutes) && minutes > 0)) {
  console.error(`--minutes must be a whole number above 0, not ${values.minutes}`);
  process.exit(2);
}

mkdirSync(dirname(lines), { recursive: true });
rmSync(lines, { force: true });
const film = benchStream();
const earlier = children();
const origin = await Origin.start({ "/dist": packed() }, ["--live", `/live=${film}/index.m3u8`]);
const originProcess = origin.child.pid ?? 0;
const browser = await startBrowser();
const browserProcess = children().find((pid) => pid !== originProcess && !earlier.includes(pid));
try {
  const samples = await watch();
  process.exitCode = report(samples) ? 0 : 1;
} finally {
  await browser.close();
  await origin.stop();
}

/** @returns {Promise<Minute[]>} */
async function watch() {
  const swarm = { trackerUrls: [origin.trackerUrl], stunServers: [] };
  const src = origin.at("/live/index.m3u8");
  const hls = { src, hls: hlsBuilds["1.7"], hash: false };
  const shaka = { src, shaka: shakaBuilds["5.2"], hash: false };
  const count = { path: join(root, "tests", "browser", "pages", "count.js") };
  const open = (/** @type {Parameters<typeof Viewer.open>[2]} */ options) =>
    Viewer.open(browser, origin, options, count);
  /** @type {Record<string, Viewer>} */
  const stayers = {
    "hls.js, plain": await open({ ...hls, swarm: null }),
    "hls.js, swarm": await open({ ...hls, swarm }),
    "Shaka, plain": await open({ ...shaka, swarm: null }),
    "Shaka, swarm": await open({ ...shaka, swarm }),
  };
  const passing = { isOver: false, passed: 0, stalls: 0 };
  const passers = pass(passing, () => open({ ...hls, swarm }));
  const began = Date.now();
  /** @type {Minute[]} */
  const samples = [];
  for (let minute = 1; minute <= minutes; minute += 1) {
    await wait(Math.max(0, began + minute * 60_000 - Date.now()) / 1_000);
    const phase = minute % outage.everyMinutes;
    const half = outage.everyMinutes / 2;
    if (phase === half) await origin.tracker(false);
    if (phase === half + outage.minutes) await origin.tracker(true);
    const sample = await look(minute, stayers, passing);
    appendFileSync(lines, `${JSON.stringify({ date: new Date().toISOString(), ...sample })}\n`);
    if (minute % 5 === 0) log(`minute ${minute}: ${JSON.stringify(sample.pages["hls.js, swarm"])}`);
    samples.push(sample);
  }
  passing.isOver = true;
  await passers;
  return samples;
}

/** One viewer after the other, each for a minute. @param {{ isOver: boolean, passed: number, stalls: number }} passing @param {() => Promise<Viewer>} open */
async function pass(passing, open) {
  while (!passing.isOver) {
    const viewer = await open();
    await wait(passerSeconds);
    passing.stalls += (await viewer.state()).stalls.length;
    passing.passed += 1;
    await viewer.close();
  }
}

/** @param {number} minute @param {Record<string, Viewer>} stayers @param {{ passed: number, stalls: number }} passing @returns {Promise<Minute>} */
async function look(minute, stayers, passing) {
  /** @type {Minute} */
  const sample = {
    minute,
    pages: {},
    processes: {
      browser: processHeld(browserProcess ?? 0),
      "origin and tracker": processHeld(originProcess),
    },
    stalls: {},
    passed: passing.passed,
    passedStalls: passing.stalls,
  };
  for (const [name, viewer] of Object.entries(stayers)) {
    const session = await viewer.page.context().newCDPSession(viewer.page);
    await session.send("HeapProfiler.collectGarbage");
    const heap = await session.send("Runtime.getHeapUsage");
    await session.detach();
    const { usedSize, backingStorageSize = 0 } = /** @type {Record<string, number>} */ (heap);
    const { stalls, stats, held } = await viewer.page.evaluate(() => {
      const state = Reflect.get(window, "viewer").state();
      // The test's own records would grow.
      for (const record of [state.segments, state.peers, state.fragments, state.levels])
        record.length = 0;
      return {
        stalls: state.stalls.length,
        stats: state.stats,
        held: Reflect.get(window, "heldNow")(),
      };
    });
    sample.stalls[name] = stalls;
    sample.pages[name] = {
      "heap, bytes": usedSize ?? 0,
      "array buffers, bytes": backingStorageSize,
      ...(stats
        ? { "engine (wasm), bytes": stats.wasmMemoryBytes, links: stats.peers.length }
        : {}),
      ...(stats ? { "from peers, bytes": stats.peerBytes } : {}),
      ...held,
    };
  }
  return sample;
}

/** @param {number} pid @returns {Held} */
function processHeld(pid) {
  const descriptors = family(pid).map((member) => {
    try {
      return readdirSync(`/proc/${member.pid}/fd`).length;
    } catch {
      return 0; // gone meanwhile
    }
  });
  return { "memory, bytes": memoryBytes(pid) ?? 0, "file descriptors": sum(descriptors) };
}

/**
 * A straight line through the middles of blocks of minutes of the second half, for in the first caches fill and code is
 * compiled: what there is as a rule, its growth an hour, and twice the standard error of that.
 * @param {{ minute: number, value: number }[]} points
 */
function trend(points) {
  const later = points.filter(({ minute }) => minute > points.length / 2);
  /** @type {Map<number, number[]>} */
  const blocks = new Map();
  for (const { minute, value } of later.length < 3 * blockMinutes ? points : later) {
    const block = Math.floor((minute - 1) / blockMinutes);
    blocks.set(block, [...(blocks.get(block) ?? []), value]);
  }
  const line = [...blocks].map(([block, all]) => ({
    hours: ((block + 0.5) * blockMinutes) / 60,
    value: median(all) ?? 0,
  }));
  const middle = (/** @type {number[]} */ all) => sum(all) / Math.max(1, all.length);
  const hours = middle(line.map((point) => point.hours));
  const level = middle(line.map((point) => point.value));
  const spread = sum(line.map((point) => (point.hours - hours) ** 2));
  const perHour =
    sum(line.map((point) => (point.hours - hours) * (point.value - level))) / (spread || 1);
  const left = line.map((point) => point.value - level - perHour * (point.hours - hours));
  const variance = sum(left.map((value) => value ** 2)) / Math.max(1, line.length - 2);
  return { level, perHour, error: 2 * Math.sqrt(variance / (spread || 1)) };
}

/** @typedef {ReturnType<typeof trend>} Trend */

/** Whether it grows by more than noise, and by more than another one may. @param {string} what @param {Trend} own @param {Trend | null} other */
function grows(what, own, other) {
  const isBytes = what.endsWith("bytes");
  const least = isBytes ? Math.max(bytesMin, shareMin * own.level) : countMin;
  const allowed = Math.max(least, other ? other.perHour + other.error : 0);
  return own.perHour - own.error > allowed;
}

/** Prints it all; whether nothing grows and nobody waits for the swarm. @param {Minute[]} samples */
function report(samples) {
  const rows = ["hls.js", "Shaka"].flatMap((player) => {
    const names = Object.keys(samples[0]?.pages[`${player}, swarm`] ?? {});
    return names
      .filter((what) => what !== "from peers, bytes")
      .map((what) => {
        const of = (/** @type {string} */ kind) =>
          trend(
            samples.map(({ minute, pages }) => ({
              minute,
              value: pages[`${player}, ${kind}`]?.[what] ?? 0,
            })),
          );
        return { of: player, what, own: of("swarm"), other: of("plain") };
      });
  });
  const processes = ["browser", "origin and tracker"].flatMap((name) =>
    ["memory, bytes", "file descriptors"].map((what) => ({
      of: name,
      what,
      own: trend(
        samples.map(({ minute, processes }) => ({
          minute,
          value: processes[name]?.[what] ?? 0,
        })),
      ),
      other: null,
    })),
  );
  const all = [...rows, ...processes];
  const growing = all.filter(({ what, own, other }) => grows(what, own, other));
  printTable(
    `${samples.length} minutes of a live stream, ${samples.at(-1)?.passed ?? 0} others came and went (${samples.at(-1)?.passedStalls ?? 0} stalls of theirs)`,
    ["swarm", "an hour", "±", "plain", "an hour", "±", ""],
    all.map((row) => [
      `${row.of}: ${row.what}`,
      ...shown(row.what, row.own),
      ...(row.other ? shown(row.what, row.other) : [null, null, null]),
      growing.includes(row) ? "grows" : "",
    ]),
  );
  const stalls = samples.at(-1)?.stalls ?? {};
  const fed = ["hls.js, swarm", "Shaka, swarm"].map(
    (name) => `${((samples.at(-1)?.pages[name]?.["from peers, bytes"] ?? 0) / 1e6).toFixed(0)} MB`,
  );
  console.log(`\nstalls: ${JSON.stringify(stalls)}; from peers: ${fed.join(" and ")}`);
  const waits = ["hls.js", "Shaka"].filter(
    (player) => (stalls[`${player}, swarm`] ?? 0) > (stalls[`${player}, plain`] ?? 0),
  );
  for (const { of, what } of growing) console.error(`it grows: ${of}, ${what}`);
  for (const player of waits) console.error(`it stalls more than alone: ${player}`);
  return growing.length === 0 && waits.length === 0;
}

/** @param {string} what @param {Trend} trend */
function shown(what, { level, perHour, error }) {
  const isBytes = what.endsWith("bytes");
  const text = (/** @type {number} */ value) =>
    isBytes ? `${(value / 1e6).toFixed(2)} MB` : value.toFixed(1);
  return [text(level), text(perHour), text(error)];
}
