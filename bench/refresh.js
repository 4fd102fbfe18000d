// @ts-check
// `cargo xtask bench refresh`: how long a refresh of a long live playlist holds the page's thread, in
// Chromium, by the engine of the package; beside it the text alone, split into lines. It measures and
// prints; it judges nothing.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../tests/browser/fixtures.js";
import { Origin, browserFlags, startBrowser } from "../tests/browser/harness.js";
import { median, quantile } from "./measure.js";
import { printTable } from "./table.js";

/** @typedef {import("./pages/refresh.js").Refreshed} Refreshed */

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "40" },
    json: { type: "boolean", default: false },
  },
});
const rounds = Math.max(1, Math.floor(Number(values.rounds)) || 40);

/** Segments of 4 s in a window: of 24 s, of one hour, of twelve. */
const windows = [6, 900, 10_800];

const origin = await Origin.start({ "/bench": join(root, "bench", "pages") });
const browser = await startBrowser(browserFlags);
try {
  const page = await browser.newPage();
  await page.goto(`${origin.url}/bench/refresh.html`);
  await page.waitForFunction(() => "refreshed" in window);
  /** @type {Refreshed[]} */
  const rows = [];
  for (const length of windows) {
    const row = await page.evaluate(
      ([length, rounds]) => /** @type {any} */ (window).refreshed(length, rounds),
      /** @type {const} */ ([length, rounds]),
    );
    rows.push(row);
  }
  if (values.json) console.log(JSON.stringify({ date: new Date().toISOString(), rounds, rows }));
  else print(rows);
} finally {
  await browser.close();
  await origin.stop();
}

/** @param {Refreshed[]} rows */
function print(rows) {
  const ms = (/** @type {number | null | undefined} */ value) => (value ?? Number.NaN).toFixed(2);
  printTable(
    `One new segment in a window of 4 s segments, ms of the page's thread, ${rounds} refreshes`,
    ["text, kB", "first reading", "refresh, median", "P95", "split into lines, median"],
    rows.map(({ length, textBytes, firstMs, refreshMs, splitMs }) => [
      `${length} segments`,
      Math.round(textBytes / 1e3),
      ms(firstMs),
      ms(median(refreshMs)),
      ms(quantile(refreshMs, 0.95)),
      ms(median(splitMs)),
    ]),
  );
}
