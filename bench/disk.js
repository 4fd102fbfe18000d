// @ts-check
// `cargo xtask bench disk`: where a page keeps segments between visits: a hundred of each size written by one page and
// read by another of a browser that was started anew, in each place that a browser has. A profile on the disk, for one
// that is gone with its window keeps them in memory. It measures and prints; it judges nothing.

import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { root } from "../tests/browser/fixtures.js";
import { browserFlags, chromePath, Origin } from "../tests/browser/harness.js";
import { log, median, quantile, sum } from "./measure.js";
import { mainThread } from "./processor.js";
import { printTable } from "./table.js";

/** @typedef {import("./pages/disk.js").Took & { threadMs: number }} Took */
/** @typedef {{ write: Took, read: Took }} Run */

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    json: { type: "boolean", default: false },
  },
});
const rounds = Math.max(1, Math.floor(Number(values.rounds)) || 3);
const count = 100;
const sizes = [650_000, 2_000_000];

const origin = await Origin.start({ "/bench": join(root, "bench", "pages") });
try {
  /** @type {Record<string, Run[]>} */
  const runs = {};
  /** @type {string[]} */
  let names = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const length of sizes) {
      names = await inProfile((page) =>
        page.evaluate(() => Reflect.get(window, "measured").names()),
      );
      for (let turn = 0; turn < names.length; turn += 1) {
        const place = names[(turn + round) % names.length] ?? "";
        const run = await visitTwice({ place, count, length });
        const key = `${place} ${length}`;
        runs[key] = [...(runs[key] ?? []), run];
        log(
          `${place}, ${length} bytes: ${run.write.ms.toFixed(0)} and ${run.read.ms.toFixed(0)} ms`,
        );
      }
    }
  }
  if (values.json) console.log(JSON.stringify({ date: new Date().toISOString(), rounds, runs }));
  else for (const length of sizes) print(names, length, runs);
} finally {
  await origin.stop();
}

/**
 * Runs something in a page of a fresh browser.
 * @template T
 * @param {(page: import("playwright-core").Page) => Promise<T>} act
 * @param {string} [kept] the profile's folder, which stays
 */
async function inProfile(act, kept) {
  const folder = kept ?? mkdtempSync(join(root, "target", "bench-disk-"));
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: chromePath(),
    args: browserFlags,
  });
  try {
    const page = await context.newPage();
    await page.goto(origin.at("/bench/disk.html"));
    await page.waitForFunction(() => "measured" in window);
    return await act(page);
  } finally {
    await context.close();
    if (kept === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes, and reads in a browser that was started anew. @param {{ place: string, count: number, length: number }} of @returns {Promise<Run>} */
async function visitTwice(of) {
  const folder = mkdtempSync(join(root, "target", "bench-disk-"));
  const visit = (/** @type {"write" | "read"} */ verb) =>
    inProfile(async (page) => {
      const seconds = await mainThread(page);
      const before = await seconds();
      /** @type {import("./pages/disk.js").Took} */
      const took = await page.evaluate(
        ([name, given]) => Reflect.get(window, "measured")[name](given),
        /** @type {const} */ ([verb, of]),
      );
      return { ...took, threadMs: ((await seconds()) - before) * 1000 };
    }, folder);
  try {
    return { write: await visit("write"), read: await visit("read") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string[]} names @param {number} length @param {Record<string, Run[]>} runs */
function print(names, length, runs) {
  const of = (/** @type {string} */ name) => runs[`${name} ${length}`] ?? [];
  /** @param {"write" | "read"} verb @param {(took: Took) => number} what @param {number} [digits] */
  const row = (verb, what, digits = 0) =>
    names.map((name) => median(of(name).map((run) => what(run[verb])))?.toFixed(digits) ?? null);
  /** @type {("write" | "read")[]} */
  const verbs = ["write", "read"];
  printTable(
    `${count} segments of ${length / 1000} kB, medians of ${rounds} rounds`,
    names,
    verbs.flatMap((verb) => [
      [`${verb}, ms in all`, ...row(verb, (took) => took.ms)],
      [`${verb}, one, median ms`, ...row(verb, (took) => median(took.eachMs) ?? 0, 1)],
      [`${verb}, one, P95 ms`, ...row(verb, (took) => quantile(took.eachMs, 0.95) ?? 0, 1)],
      [`${verb}, main thread ms`, ...row(verb, (took) => took.threadMs)],
      [`${verb}, tasks over 50 ms`, ...row(verb, (took) => sum([took.longTasks]))],
    ]),
  );
}
