// @ts-check
// `cargo xtask bench browser`: viewers in real browsers, with and without the swarm, on the same schedule
// and the same origin. It measures and prints; it judges nothing, and nothing in it is a test.

import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../tests/browser/fixtures.js";
import { binary, Origin, startBrowser } from "../tests/browser/harness.js";
import { dashLive, live } from "./live.js";
import { log } from "./measure.js";
import { packed } from "./packed.js";
import { dashStartup, startup } from "./startup.js";
import { benchStream, dashStream } from "./streams.js";
import { dashVod, vod } from "./vod.js";

const { values } = parseArgs({
  options: {
    scenario: { type: "string", default: "all" },
    rounds: { type: "string" },
    viewers: { type: "string" },
    json: { type: "boolean", default: false },
    "link-mbit": { type: "string" },
    "latency-ms": { type: "string", default: "20" },
    signed: { type: "boolean", default: false },
    unsigned: { type: "boolean", default: false },
    against: { type: "string" },
  },
});

const hlsScenarios = { vod, live, startup };
const dashScenarios = { "dash-vod": dashVod, "dash-live": dashLive, "dash-startup": dashStartup };
/** @type {Record<string, (scene: Scene) => Promise<object>>} */
const scenarios = { ...hlsScenarios, ...dashScenarios };
const chosen = values.scenario === "all" ? ["vod", "live", "startup"] : values.scenario.split(",");
const unknown = chosen.find((name) => !Object.hasOwn(scenarios, name));
if (unknown !== undefined) {
  const names = Object.keys(scenarios).join(", ");
  console.error(`no scenario ${unknown}; there are ${names} and all (the first three)`);
  process.exit(2);
}

const wantsDash = chosen.some((name) => Object.hasOwn(dashScenarios, name));
if (values.against !== undefined && values.against !== "p2p-media-loader") {
  console.error("--against knows p2p-media-loader only");
  process.exit(2);
}

const modes = /** @type {("signed" | "unsigned")[]} */ (["signed", "unsigned"]).filter(
  (mode) => values[mode] || !(values.signed || values.unsigned),
);
const settings = {
  rounds: values.rounds === undefined ? null : whole("rounds", values.rounds),
  /** Nothing named leaves it to the scenario. */
  viewers: values.viewers === undefined ? null : whole("viewers", values.viewers),
  linkMbit: values["link-mbit"] === undefined ? null : Number(values["link-mbit"]),
  latencyMs: whole("latency-ms", values["latency-ms"]),
  json: values.json,
  modes,
  /** DASH beside p2p-media-loader. */
  against: values.against !== undefined,
};
/** @typedef {typeof settings} Settings */
/** @typedef {{ browser: import("playwright-core").Browser, origin: Origin, settings: Settings, dash: string, dashSigned: string }} Scene */

const incumbentFolders = {
  "/bench": join(root, "bench", "pages"),
  "/incumbent": join(root, "bench", "incumbent", "node_modules"),
};

log("stream");
const film = benchStream();
const dash = wantsDash ? dashStream() : "";
if (dash === null) {
  console.error("the DASH scenarios need ffmpeg");
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), "swarmline-bench-"));
const dashSigned = join(work, "dash");
if (dash) sign(dash, dashSigned);
const folders = {
  "/media/bench": film,
  "/dist": packed(),
  ...(dash ? { "/media/dash": dash, "/media/dash-signed": dashSigned } : {}),
  ...(settings.against ? incumbentFolders : {}),
};
const origin = await Origin.start(folders, ["--live", `/live=${film}/index.m3u8`]);
try {
  for (const name of chosen) {
    log(name);
    // A fresh browser for each scenario: none inherits another one's caches or leaks.
    const browser = await startBrowser();
    try {
      const result = await scenarios[name]?.({ browser, origin, settings, dash, dashSigned });
      if (values.json)
        console.log(JSON.stringify({ scenario: name, date: new Date().toISOString(), ...result }));
    } finally {
      await browser.close();
    }
  }
} finally {
  await origin.stop();
  rmSync(work, { recursive: true, force: true });
}

/** A copy of the stream with a sidecar that its MPD names. @param {string} folder @param {string} signed */
function sign(folder, signed) {
  cpSync(folder, signed, { recursive: true });
  execFileSync(binary(), ["sign", join(signed, "index.mpd")]);
}

/** @param {string} name @param {string} text */
function whole(name, text) {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  console.error(`--${name} must be a whole number above 0, not ${text}`);
  process.exit(2);
}
