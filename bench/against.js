// @ts-check
// `cargo xtask bench browser --against p2p-media-loader`: the same viewers, stream and schedule under hls.js
// alone, under p2p-media-loader and with swarmline, in turn. Each run adds a line to a log; runs that the log
// has of this commit are not run again, so a stopped matrix goes on where it stopped. Table and chart are made
// from the log. It measures; the page it writes names losses as well as wins.

import { createRequire } from "node:module";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../tests/browser/fixtures.js";
import { appendLog, commitId, readLog } from "./against/log.js";
import { keyOf, kinds, runsOf, scenarios, secondsOf } from "./against/matrix.js";
import { printFigures, writeReport } from "./against/report.js";
import { runOnce } from "./against/run.js";
import { log, sum } from "./measure.js";
import { benchStream, ladderStream } from "./streams.js";

/** How often a run whose browser or origin broke is tried. */
const triesMax = 2;

const usual = Object.keys(scenarios).filter((name) => !scenarios[name]?.onlyNamed);
const usualKinds = Object.keys(kinds).filter((name) => !kinds[name]?.onlyNamed);
const { values } = parseArgs({
  options: {
    against: { type: "string" },
    scenario: { type: "string", default: usual.join(",") },
    viewers: { type: "string", default: "6,4,2" },
    rounds: { type: "string", default: "3" },
    kinds: { type: "string", default: usualKinds.join(",") },
    watch: { type: "string" },
    log: { type: "string", default: join(root, "target", "against.jsonl") },
    commit: { type: "string" },
    quick: { type: "boolean", default: false },
    plan: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
  },
});
if (values.against !== "p2p-media-loader") refuse("--against knows p2p-media-loader only");

if (values.report) {
  writeReport(readLog(values.log), values.commit ?? null);
} else {
  const commit = commitId();
  const there = new Set(readLog(values.log).map(keyOf));
  const all = wanted();
  const missing = all.filter((run) => !there.has(keyOf({ ...run, commit })));
  const minutes = Math.ceil(sum(missing.map(secondsOf)) / 60);
  log(`${commit}: ${all.length} runs, ${all.length - missing.length} of them in the log`);
  log(`${missing.length} to run, about ${minutes} minutes; the log is ${values.log}`);
  if (values.plan) showPlan(missing);
  else await runAll(missing, commit);
}

function wanted() {
  if (values.quick) {
    const names = usualKinds.filter((name) => name !== "control");
    return runsOf({
      ...{ scenarios: ["vod", "live"], viewers: [6], kinds: names, rounds: 1, watchSeconds: null },
    });
  }
  return runsOf({
    scenarios: known("scenario", values.scenario, Object.keys(scenarios)),
    viewers: values.viewers.split(",").map((text) => whole("viewers", text)),
    kinds: known("kinds", values.kinds, Object.keys(kinds)),
    rounds: whole("rounds", values.rounds),
    watchSeconds: values.watch === undefined ? null : whole("watch", values.watch),
  });
}

/** @param {import("./against/matrix.js").Run[]} runs @param {string} commit */
async function runAll(runs, commit) {
  if (runs.length === 0) return;
  const streams = { film: benchStream(), ladder: ladderStream() };
  const require = createRequire(import.meta.url);
  const versionOf = (/** @type {string} */ path) => require(path).version;
  const incumbent = join(root, "bench/incumbent/node_modules/p2p-media-loader-hlsjs/package.json");
  const software = { hls: versionOf("hls.js/package.json"), incumbent: versionOf(incumbent) };
  const machine = {
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
  };
  for (const [at, run] of runs.entries()) {
    if (scenarios[run.scenario]?.stream === "ladder" && !streams.ladder) {
      log(`${run.scenario} is left out: it needs ffmpeg`);
      continue;
    }
    log(
      `${at + 1} of ${runs.length}: ${run.scenario}, ${run.viewers} viewers, ${run.kind}, round ${run.round}`,
    );
    const { figures, chromium } = await tried(() => runOnce(run, streams));
    /** @type {import("./against/log.js").Line} */
    const line = {
      ...{ v: 1, commit, date: new Date().toISOString(), ...run, machine },
      ...{ software: { chromium, ...software }, figures },
    };
    appendLog(values.log, line);
    printFigures(line);
  }
}

/** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
async function tried(work) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries === triesMax) throw error;
      log(`  broke, and is tried again: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/** @param {import("./against/matrix.js").Run[]} runs */
function showPlan(runs) {
  /** @type {Map<string, number>} */
  const blocks = new Map();
  for (const run of runs) {
    const name = `${run.scenario}, ${run.viewers} viewers`;
    blocks.set(name, (blocks.get(name) ?? 0) + secondsOf(run));
  }
  for (const [name, seconds] of blocks)
    console.log(`${(seconds / 60).toFixed(1).padStart(6)} min  ${name}`);
}

/** @param {string} option @param {string} text @param {string[]} names */
function known(option, text, names) {
  const chosen = text.split(",");
  const wrong = chosen.find((name) => !names.includes(name));
  if (wrong !== undefined) refuse(`--${option}: no ${wrong}; there are ${names.join(", ")}`);
  return chosen;
}

/** @param {string} option @param {string} text */
function whole(option, text) {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  return refuse(`--${option} must be a whole number above 0, not ${text}`);
}

/** @param {string} why @returns {never} */
function refuse(why) {
  console.error(why);
  process.exit(2);
}
