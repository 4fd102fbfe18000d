// @ts-check
// `cargo xtask bench faults`: two viewers who watch while something fails, as plain players and in a swarm, on the
// same schedule; how often and how long they stood still, what errors they saw, and how long after the fault they
// stood still for the last time. Several faults are run at once, each with an origin and a browser of its own.
// It measures and prints; it judges nothing.

import { parseArgs } from "node:util";
import { liarScript } from "../tests/browser/dishonest.js";
import { hlsBuilds, Origin, startBrowser, Viewer } from "../tests/browser/harness.js";
import { scenes } from "./faults/scenes.js";
import { log, sum, wait } from "./measure.js";
import { benchStream } from "./streams.js";
import { percent, printTable, seconds } from "./table.js";

/** @typedef {import("./faults/scenes.js").Scene} Scene */
/** @typedef {import("./faults/scenes.js").Stage} Stage */
/** @typedef {import("./measure.js").State} State */
/** @typedef {"plain" | "swarm"} Kind */
/**
 * @typedef {object} Run
 * @property {number} stalls of both viewers, after the fault
 * @property {number} stallMs
 * @property {number | null} recoverySeconds from when it healed (or, where nothing heals, struck) to the last moment that anybody stood still; null: one stands still
 * @property {number} fatal errors that ended playback
 * @property {number} errors all other errors of the player but those that say «stalled»
 * @property {number | null} firstFrameMs the later one
 * @property {number} fromPeers share of what both received
 */

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "1" },
    lanes: { type: "string", default: "2" },
    json: { type: "boolean", default: false },
  },
});
const chosen = scenes.filter(({ name }) => name.includes(values.only));
if (chosen.length === 0) {
  console.error(
    `no fault has «${values.only}» in its name: ${scenes.map(({ name }) => name).join(", ")}`,
  );
  process.exit(2);
}
const rounds = whole("rounds", values.rounds);

/** So little is read ahead that a fault has something left to fetch. */
const player = { maxBufferLength: 8, maxMaxBufferLength: 8 };
const apartSeconds = 2;
const beforeSeconds = 10;
const faultSeconds = 12;
const afterSeconds = 20;
const sampleMs = 250;
/** A playhead that moved less than this since the sample before stands still. */
const movedSecondsMin = 0.02;

const film = benchStream();
/** @type {Map<string, Record<Kind, Run[]>>} */
const results = new Map(chosen.map(({ name }) => [name, { plain: [], swarm: [] }]));
const queue = Array.from({ length: rounds }, () => chosen).flat();
await Promise.all(Array.from({ length: whole("lanes", values.lanes) }, lane));
if (values.json) console.log(JSON.stringify(Object.fromEntries(results)));
else print();

/** Takes scene after scene from the queue; the kinds in turn. */
async function lane() {
  for (let scene = queue.shift(); scene; scene = queue.shift()) {
    for (const kind of /** @type {const} */ (["plain", "swarm"])) {
      const run = await play(scene, kind);
      results.get(scene.name)?.[kind].push(run);
      log(`${scene.name}, ${kind}: ${run.stalls} stalls, ${seconds(run.stallMs / 1_000)}`);
    }
  }
}

/** @param {Scene} scene @param {Kind} kind @returns {Promise<Run>} */
async function play(scene, kind) {
  const origin = await Origin.start({ "/media/bench": film });
  const browser = await startBrowser();
  try {
    /** @type {Stage} */
    const stage = { origin, viewers: [], feeder: null };
    const open = (/** @type {object} */ more, /** @type {any} */ prepare) => {
      const swarm = { trackerUrls: [origin.trackerUrl], stunServers: [] };
      const src = origin.at("/media/bench/index.m3u8");
      const options = {
        src,
        hls: hlsBuilds["1.7"],
        swarm: kind === "swarm" ? swarm : null,
        ...more,
      };
      return Viewer.open(browser, origin, options, prepare);
    };
    if (scene.feeder !== undefined && kind === "swarm") {
      const all = { maxBufferLength: 200, maxMaxBufferLength: 200 };
      stage.feeder = await open({ player: all }, scene.feeder === "liar" ? liarScript : null);
      await stage.feeder.untilWholeStream();
    }
    if (scene.fromStart) await scene.strike(stage);
    const elsewhere = origin.at("/media/bench/index.m3u8").replace("127.0.0.1", "localhost");
    const own = { player, ...(scene.isElsewhere ? { src: elsewhere } : {}) };
    for (let at = 0; at < 2; at += 1) {
      if (at > 0) await wait(apartSeconds);
      stage.viewers.push(await open(own, scene.prepare ?? null));
    }
    const watches = stage.viewers.map((viewer) => follow(viewer));
    await wait(beforeSeconds);
    const struckAt = Date.now();
    if (!scene.fromStart) await Promise.all([scene.strike(stage), wait(faultSeconds)]);
    else await wait(faultSeconds);
    await scene.heal?.(stage);
    const healedAt = scene.heal ? Date.now() : struckAt;
    await wait(afterSeconds);
    const states = await Promise.all(stage.viewers.map((viewer) => viewer.state()));
    const still = watches.map((stop) => stop());
    return figures(states, still.flat(), healedAt);
  } finally {
    await browser.close();
    await origin.stop();
  }
}

/** Looks at a playhead until the returned function is called, which tells when it stood still. @param {Viewer} viewer */
function follow(viewer) {
  /** @type {number[]} */
  const still = [];
  let last = -1;
  let isOver = false;
  const look = async () => {
    while (!isOver) {
      const now = await viewer.page.evaluate(
        () => document.querySelector("video")?.currentTime ?? 0,
      );
      if (now > 0 && now - last < movedSecondsMin) still.push(Date.now());
      last = now;
      await wait(sampleMs / 1_000);
    }
  };
  look().catch(() => undefined);
  return () => {
    isOver = true;
    return still;
  };
}

/** @param {State[]} states @param {number[]} still @param {number} healedAt @returns {Run} */
function figures(states, still, healedAt) {
  const waits = states.flatMap((state) => [
    ...state.stalls.map(({ ms }) => ms),
    ...(state.stalledMs > 0 ? [state.stalledMs] : []),
  ]);
  const errors = states.flatMap((state) => state.errors);
  const firsts = states.map(({ firstFrameMs }) => firstFrameMs);
  const last = Math.max(healedAt, ...still);
  const peers = sum(states.map(({ stats }) => stats?.peerBytes ?? 0));
  return {
    stalls: waits.length,
    stallMs: sum(waits),
    recoverySeconds: Date.now() - last < 1_500 ? null : (last - healedAt) / 1_000,
    fatal: errors.filter(({ fatal }) => fatal).length,
    errors: errors.filter(({ fatal, details }) => !fatal && !/stalled/i.test(details)).length,
    firstFrameMs: firsts.includes(null) ? null : Math.max(...firsts.map(Number)),
    fromPeers: peers / Math.max(1, peers + sum(states.map(({ stats }) => stats?.cdnBytes ?? 0))),
  };
}

function print() {
  const cell = (/** @type {Run[]} */ runs, /** @type {(run: Run) => string} */ told) =>
    runs.map(told).join("; ");
  const stood = (/** @type {Run} */ run) => `${run.stalls}, ${seconds(run.stallMs / 1_000)}`;
  const failed = (/** @type {Run} */ run) => `${run.fatal}/${run.errors}`;
  const back = (/** @type {Run} */ run) =>
    run.recoverySeconds === null ? "never" : seconds(run.recoverySeconds);
  const columns = ["plain", "swarm"].flatMap((kind) => [
    ...[`${kind}: stalls`, "errors fatal/other", "still for the last time after"],
  ]);
  printTable(
    `Faults: 2 viewers, from ${beforeSeconds} s on for ${faultSeconds} s`,
    [...columns, "from peers"],
    [...results].map(([name, { plain, swarm }]) => [
      name,
      ...[plain, swarm].flatMap((runs) => [stood, failed, back].map((told) => cell(runs, told))),
      cell(swarm, (run) => percent(run.fromPeers)),
    ]),
  );
}

/** @param {string} name @param {string} text */
function whole(name, text) {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  console.error(`--${name} must be a whole number above 0, not ${text}`);
  process.exit(2);
}
