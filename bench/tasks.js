// @ts-check
// `cargo xtask bench tasks`: how long one task holds the main thread of a page that starts, plays and
// receives from a neighbour, as Chromium traces it, beside a plain page, in turn. Processor time of a task
// tells what the page asks of a device; its time by the clock also tells what else the machine did. What the
// two kinds of page have in common is the player's and the browser's. It judges nothing.

import { parseArgs } from "node:util";
import { hlsBuilds, Origin, startBrowser, Viewer } from "../tests/browser/harness.js";
import { log, median, sum, wait } from "./measure.js";
import { benchStream } from "./streams.js";
import { printTable } from "./table.js";

/** @typedef {{ name: string, ph: string, pid: number, tid: number, ts: number, dur: number, tdur?: number }} TraceEvent */
/** @typedef {{ startMs: number, laterMs: number, clockMs: number, long: number, cpuSeconds: number, peerBytes: number }} Run */

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "20" },
    json: { type: "boolean", default: false },
  },
});
const rounds = Math.max(1, Math.floor(Number(values.rounds)) || 5);
const watchSeconds = Math.max(5, Math.floor(Number(values.seconds)) || 20);
/** A start is over after this. */
const startSeconds = 4;
/** Longer than this a task delays what a person does (W3C Long Tasks), ms. */
const longMs = 50;
const mark = "measured page";
const taskName = "ThreadControllerImpl::RunTask";

const kinds = /** @type {const} */ (["plain", "swarm", "plain again"]);
const origin = await Origin.start({ "/media/bench": benchStream() });
const browser = await startBrowser();
try {
  /** @type {Record<typeof kinds[number], Run[]>} */
  const runs = { plain: [], swarm: [], "plain again": [] };
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < kinds.length; turn += 1) {
      const kind = kinds[(turn + round) % kinds.length] ?? "plain";
      const run = await watch(kind);
      runs[kind].push(run);
      log(
        `round ${round + 1}, ${kind}: longest ${Math.max(run.startMs, run.laterMs).toFixed(1)} ms`,
      );
    }
  }
  if (values.json) console.log(JSON.stringify({ date: new Date().toISOString(), rounds, runs }));
  else print(runs);
} finally {
  await browser.close();
  await origin.stop();
}

/** One page under measurement, beside another of its kind that came first. @param {typeof kinds[number]} kind @returns {Promise<Run>} */
async function watch(kind) {
  const swarm = kind === "swarm" ? { trackerUrls: [origin.trackerUrl], stunServers: [] } : null;
  const src = origin.at("/media/bench/index.m3u8");
  const options = { src, hls: hlsBuilds["1.7"], swarm, hash: false };
  const first = await Viewer.open(browser, origin, options);
  await first.until("has a buffer", ({ ahead }) => ahead > 20);
  await browser.startTracing(undefined, {
    categories: ["toplevel", "blink.user_timing"],
  });
  const viewer = await Viewer.open(browser, origin, options, () => {
    performance.mark("measured page");
  });
  await wait(watchSeconds);
  /** @type {TraceEvent[]} */
  const events = JSON.parse(String(await browser.stopTracing())).traceEvents;
  const { stats } = await viewer.state();
  await Promise.all([viewer.close(), first.close()]);
  const began = events.find(({ name }) => name === mark);
  if (!began) throw new Error("the page left no mark in the trace");
  const tasks = events.filter(
    ({ name, ph, pid, tid, ts }) =>
      [name, ph, pid, tid].join() === [taskName, "X", began.pid, began.tid].join() &&
      ts >= began.ts,
  );
  const started = began.ts + startSeconds * 1e6;
  const longest = (/** @type {TraceEvent[]} */ some) =>
    Math.max(0, ...some.map(({ tdur = 0 }) => tdur / 1e3));
  return {
    startMs: longest(tasks.filter(({ ts }) => ts < started)),
    laterMs: longest(tasks.filter(({ ts }) => ts >= started)),
    clockMs: Math.max(0, ...tasks.map(({ dur }) => dur / 1e3)),
    long: tasks.filter(({ tdur = 0 }) => tdur > longMs * 1e3).length,
    cpuSeconds: sum(tasks.map(({ tdur = 0 }) => tdur / 1e6)),
    peerBytes: stats?.peerBytes ?? 0,
  };
}

/** @param {Record<typeof kinds[number], Run[]>} runs */
function print(runs) {
  const middle = (/** @type {keyof Run} */ what, digits = 1, scale = 1) =>
    kinds.map((kind) => (median(runs[kind].map((run) => run[what] * scale)) ?? 0).toFixed(digits));
  const most = (/** @type {keyof Run} */ what) =>
    kinds.map((kind) => Math.max(...runs[kind].map((run) => run[what])).toFixed(1));
  printTable(
    `Tasks of a page's main thread, ${watchSeconds} s from its opening, ${rounds} alternating rounds`,
    [...kinds],
    [
      ["longest while it starts, CPU ms, median", ...middle("startMs")],
      ["most of all rounds", ...most("startMs")],
      [`longest after ${startSeconds} s, CPU ms, median`, ...middle("laterMs")],
      ["most of all rounds", ...most("laterMs")],
      ["longest by the clock, ms, median", ...middle("clockMs")],
      [
        `tasks over ${longMs} ms of CPU, all rounds`,
        ...kinds.map((kind) => sum(runs[kind].map(({ long }) => long))),
      ],
      ["CPU of all tasks, s, median", ...middle("cpuSeconds", 2)],
      ["MB from peers, median", ...middle("peerBytes", 1, 1e-6)],
    ],
  );
}
