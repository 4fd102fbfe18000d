// @ts-check
// `cargo xtask soak upload-limit`: one page serves another that always wants more, under an `uploadLimit`, and
// its connection's own count of packets is compared with the limit, minute by minute. Ends with an error when
// they are more than 5 % apart.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../tests/browser/fixtures.js";
import { Origin, startBrowser } from "../tests/browser/harness.js";
import { limited } from "../tests/browser/limited.js";
import { percent, printTable } from "./table.js";

/** Farther from the limit than this it is none. */
const tolerance = 0.05;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    "kb-per-s": { type: "string", default: "250" },
  },
});
const minutes = above("minutes", values.minutes);
const bytesPerS = 1_000 * above("kb-per-s", values["kb-per-s"]);

const origin = await Origin.start({ "/bench": join(root, "bench", "pages") });
const browser = await startBrowser();
try {
  const run = await limited(browser, origin, { bytesPerS, seconds: 60 * minutes, everyS: 60 });
  /** @type {[string, string][]} */
  const rows = run.stretches.map(({ seconds, bytes }, minute) => [
    `minute ${minute + 1}`,
    percent(bytes / seconds / bytesPerS),
  ]);
  printTable(
    `uploadLimit ${bytesPerS / 1_000} kB/s, sent in packets, ${minutes} minutes`,
    ["of the limit"],
    [...rows, ["all", percent(run.part)]],
  );
  if (Math.abs(run.part - 1) > tolerance) {
    console.error(`that is more than ${100 * tolerance} % beside the limit`);
    process.exitCode = 1;
  }
} finally {
  await browser.close();
  await origin.stop();
}

/** @param {string} name @param {string} text */
function above(name, text) {
  const number = Number(text);
  if (number > 0) return number;
  console.error(`--${name} must be a number above 0, not ${text}`);
  process.exit(2);
}
