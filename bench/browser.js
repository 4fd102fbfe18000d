// @ts-check
// `cargo xtask bench browser`: viewers in real browsers, with and without the swarm, on the same schedule
// and the same origin. It measures and prints; it judges nothing, and nothing in it is a test.

import { parseArgs } from "node:util";
import { Origin, startBrowser } from "../tests/browser/harness.js";
import { live } from "./live.js";
import { log } from "./measure.js";
import { memory } from "./memory.js";
import { startup } from "./startup.js";
import { packed } from "./packed.js";
import { benchStream } from "./streams.js";
import { vod } from "./vod.js";

const { values } = parseArgs({
  options: {
    scenario: { type: "string", default: "all" },
    rounds: { type: "string" },
    viewers: { type: "string", default: "6" },
    minutes: { type: "string", default: "30" },
    json: { type: "boolean", default: false },
    "link-mbit": { type: "string" },
    "latency-ms": { type: "string", default: "20" },
    signed: { type: "boolean", default: false },
    unsigned: { type: "boolean", default: false },
  },
});

const scenarios = { vod, live, startup, memory };
/** @type {(keyof typeof scenarios)[]} */
const usual = ["vod", "live", "startup"];
const chosen =
  values.scenario === "all"
    ? usual
    : usual.concat("memory").filter((name) => name === values.scenario);
if (chosen.length === 0) {
  console.error(
    `no scenario ${values.scenario}; there are vod, live, startup, memory and all (the first three)`,
  );
  process.exit(2);
}

const modes = /** @type {("signed" | "unsigned")[]} */ (["signed", "unsigned"]).filter(
  (mode) => values[mode] || !(values.signed || values.unsigned),
);
const settings = {
  rounds: values.rounds === undefined ? null : whole("rounds", values.rounds),
  viewers: whole("viewers", values.viewers),
  minutes: whole("minutes", values.minutes),
  linkMbit: values["link-mbit"] === undefined ? null : Number(values["link-mbit"]),
  latencyMs: whole("latency-ms", values["latency-ms"]),
  json: values.json,
  modes,
};
/** @typedef {typeof settings} Settings */

log("stream");
const folder = benchStream();
const origin = await Origin.start({ "/media/bench": folder, "/dist": packed() }, [
  "--live",
  `/live=${folder}/index.m3u8`,
]);
try {
  for (const name of chosen) {
    log(name);
    // A fresh browser for each scenario: none inherits another one's caches or leaks.
    const browser = await startBrowser();
    try {
      const result = await scenarios[name](browser, origin, settings);
      if (values.json)
        console.log(JSON.stringify({ scenario: name, date: new Date().toISOString(), ...result }));
    } finally {
      await browser.close();
    }
  }
} finally {
  await origin.stop();
}

/** @param {string} name @param {string} text */
function whole(name, text) {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  console.error(`--${name} must be a whole number above 0, not ${text}`);
  process.exit(2);
}
