// @ts-check
// `cargo xtask bench tracker`: what an announce and a connection cost our tracker, the stock ones of npm, and
// aquatic_ws where it is installed, in turn, under the same load. It measures and prints; it judges nothing.

import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs, promisify } from "node:util";
import { root } from "../tests/browser/fixtures.js";
import { median } from "./measure.js";
import { printTable } from "./table.js";

/**
 * @typedef {object} Load what the generator prints
 * @property {number} announces
 * @property {number} replies
 * @property {number} offersRelayed
 * @property {number} answersRelayed
 * @property {number} failures
 * @property {number} dropped
 * @property {number} trackerToOwnCpu
 * @property {number} cpuMicrosPerAnnounce
 * @property {number | null} relayP50Ms
 * @property {number | null} relayP99Ms
 * @property {number} idleBytesPerConnection
 * @property {number} residentBytes
 * @property {number | null} stormSeconds
 */

/** @typedef {{ url: string, pid: number, stop: () => Promise<void> }} Tracker */

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "2000" },
    rate: { type: "string", default: "300" },
    seconds: { type: "string", default: "15" },
    rounds: { type: "string", default: "3" },
    trackers: { type: "string" },
    storm: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

const folder = mkdtempSync(join(tmpdir(), "swarmline-bench-"));
const served = join(root, "bench", "tracker", "serve.js");
const binaries = join(root, "target", "release");

/** @type {Record<string, () => Promise<Tracker>>} */
const all = {
  swarmline: () =>
    start(join(binaries, "swarmline"), [
      ...["tracker", "--listen", "127.0.0.1:0", "--json", "--log", "error"],
      ...["--no-address-limits", "--connections", "100000"],
    ]),
  "bittorrent-tracker": () => start("node", [served, "bittorrent-tracker"]),
  "@peertube": () => start("node", [served, "@peertube/bittorrent-tracker-server"]),
  aquatic_ws: startAquatic,
};
const usual = Object.keys(all).filter((name) => name !== "aquatic_ws" || isThere("aquatic_ws"));
const names = values.trackers?.split(",") ?? usual;

/** @type {Record<string, Load[]>} */
const results = Object.fromEntries(names.map((name) => [name, []]));
try {
  for (let round = 0; round < Math.max(1, Number(values.rounds)); round += 1) {
    for (const at of names.keys()) {
      // Each round begins with another one.
      const name = names[(at + round) % names.length] ?? "";
      console.error(`round ${round + 1}: ${name}`);
      results[name]?.push(await runOnce(name));
    }
  }
  if (values.json) console.log(JSON.stringify({ date: new Date().toISOString(), results }));
  else print();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** @param {string} name @returns {Promise<Load>} */
async function runOnce(name) {
  const starting = all[name];
  if (!starting) throw new Error(`no tracker ${name}; there are ${Object.keys(all).join(", ")}`);
  const tracker = await starting();
  try {
    const { stdout } = await promisify(execFile)(join(binaries, "examples", "tracker_load"), [
      ...[tracker.url, "--pid", String(tracker.pid), "--connections", values.connections],
      ...["--rate", values.rate, "--seconds", values.seconds],
      ...(values.storm ? ["--storm"] : []),
    ]);
    return JSON.parse(stdout);
  } finally {
    await tracker.stop();
  }
}

/** @param {string} program @param {string[]} args @returns {Promise<Tracker>} */
async function start(program, args) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], cwd: root });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, "line"), ended]);
  if (typeof first[0] !== "string" || child.pid === undefined) {
    throw new Error(`${program} did not start`);
  }
  return { url: JSON.parse(first[0]).url, pid: child.pid, stop: () => stop(child, ended) };
}

/** It takes its port from a file and does not say when it is ready. @returns {Promise<Tracker>} */
async function startAquatic() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  await new Promise((closed) => probe.close(closed));
  const config = join(folder, `aquatic-${port}.toml`);
  writeFileSync(config, `[network]\naddress = "127.0.0.1:${port}"\n`);
  const child = spawn("aquatic_ws", ["-c", config], { stdio: ["ignore", "ignore", "inherit"] });
  const ended = once(child, "exit");
  if (child.pid === undefined) throw new Error("aquatic_ws did not start");
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  return { url: `ws://127.0.0.1:${port}/`, pid: child.pid, stop: () => stop(child, ended) };
}

/** @param {import("node:child_process").ChildProcess} child @param {Promise<unknown>} ended */
async function stop(child, ended) {
  child.kill("SIGTERM");
  const patience = setTimeout(() => child.kill("SIGKILL"), 3_000);
  await ended;
  clearTimeout(patience);
}

/** @param {string} program */
function isThere(program) {
  try {
    execFileSync("which", [program], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function print() {
  const rows = names.map((name) => {
    const runs = results[name] ?? [];
    const of = (/** @type {keyof Load} */ key, digits = 0) =>
      median(runs.map((run) => Number(run[key] ?? Number.NaN)))?.toFixed(digits) ?? "–";
    /** @type {[string, ...string[]]} */
    const row = [
      name,
      of("trackerToOwnCpu", 2),
      of("cpuMicrosPerAnnounce"),
      of("offersRelayed"),
      of("answersRelayed"),
      of("relayP50Ms", 1),
      of("relayP99Ms", 1),
      of("idleBytesPerConnection"),
      of("failures"),
      of("dropped"),
    ];
    return values.storm ? /** @type {typeof row} */ ([...row, of("stormSeconds", 1)]) : row;
  });
  printTable(
    `${values.connections} viewers, ${values.rate} announces a second, medians of ${values.rounds} alternating rounds of ${values.seconds} s`,
    [
      "CPU ÷ generator's",
      "µs an announce",
      "offers",
      "answers",
      "relay P50, ms",
      "P99",
      "bytes an idle connection",
      "failures",
      "dropped",
      ...(values.storm ? ["storm, s"] : []),
    ],
    rows,
  );
}
