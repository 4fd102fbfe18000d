// @ts-check
// `cargo xtask bench transfer`: segments from one Chromium page to another through the engine, beside bare
// data channels that carry as many bytes in the same run, in turn: MB/s, and processor seconds of the whole
// browser for each GB. It measures and prints; it judges nothing.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../tests/browser/fixtures.js";
import { Origin, startBrowser } from "../tests/browser/harness.js";
import { log, median, wait } from "./measure.js";
import { browserSeconds, mainThread } from "./processor.js";
import { percent, printTable } from "./table.js";

/** @typedef {import("./pages/transfer.js").Transfer} Transfer */
/** @typedef {import("./pages/transfer.js").Took} Took */
/** @typedef {import("playwright-core").Page} Page */
/**
 * @typedef {object} Run
 * @property {number} rate MB/s, after the channel has warmed
 * @property {number} coldRate MB/s in the first second of the channel
 * @property {number} cpu seconds of the whole browser a GB
 * @property {number} senderThread of them, the main thread of the page that sends
 * @property {number} receiverThread and of the one that receives
 */

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    segments: { type: "string", default: "32" },
    json: { type: "boolean", default: false },
  },
});
const rounds = whole("rounds", values.rounds);
/** Segments of 2 MiB that count, and those before them that warm the channel. */
const segments = whole("segments", values.segments);
const segmentsWarm = 8;
/** Chromium starts a spare process for pages to come; its work is not the transfer's. */
const settleSeconds = 1.5;

/** @typedef {{ ahead: number } | { length: number, verified: boolean }} Kind segments at a time, or a message's bytes */
const kinds = /** @type {const} */ ({
  engine: { ahead: 3 },
  "raw 16": { length: 16 * 1024, verified: false },
  "raw 64": { length: 64 * 1024, verified: false },
  "raw 256": { length: 256 * 1024, verified: false },
  // What no verifying receiver can be without: what the engine costs beyond it is its own.
  "raw 64, digested": { length: 64 * 1024, verified: true },
  // A player that wants one segment after the other pays for each one's first round trip.
  "engine, in turn": { ahead: 1 },
});
const names = /** @type {(keyof typeof kinds)[]} */ (Object.keys(kinds));

const origin = await Origin.start({ "/bench": join(root, "bench", "pages") });
const browser = await startBrowser();
const processes = await browser.newBrowserCDPSession();
try {
  /** @type {Record<string, Run[]>} */
  const runs = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(turn + round) % names.length] ?? "engine";
      const run = await between(name, round);
      runs[name]?.push(run);
      log(
        `round ${round + 1}, ${name}: ${run.rate.toFixed(1)} MB/s, ${run.cpu.toFixed(0)} CPU s/GB`,
      );
    }
  }
  if (values.json)
    console.log(JSON.stringify({ date: new Date().toISOString(), rounds, segments, runs }));
  else print(runs);
} finally {
  await browser.close();
  await origin.stop();
}

/** One transfer between two fresh pages. @param {keyof typeof kinds} name @param {number} round @returns {Promise<Run>} */
async function between(name, round) {
  const [sender, receiver] = [await open(), await open()];
  /** @type {Kind} */
  const kind = kinds[name];
  const take =
    "length" in kind
      ? await connectRaw(sender, receiver, kind)
      : await connectEngines(sender, receiver, `${name} ${round} ${Date.now()}`, kind);
  await wait(settleSeconds);
  const cold = await take(0, segmentsWarm);
  const threads = [await mainThread(sender), await mainThread(receiver)];
  const read = async () => ({
    ...{ all: (await browserSeconds(processes)).total },
    ...{ threads: await Promise.all(threads.map((seconds) => seconds())) },
  });
  const before = await read();
  const took = await take(segmentsWarm, segments);
  const after = await read();
  await Promise.all([sender.context().close(), receiver.context().close()]);
  if (took.fetches > 0) throw new Error(`${name}: the origin was asked ${took.fetches} times`);
  const gigabytes = took.bytes / 1e9;
  const thread = (/** @type {number} */ at) =>
    ((after.threads[at] ?? 0) - (before.threads[at] ?? 0)) / gigabytes;
  return {
    rate: took.bytes / 1e3 / took.ms,
    coldRate: cold.firstSecondBytes / 1e3 / Math.min(1_000, cold.ms),
    cpu: (after.all - before.all) / gigabytes,
    senderThread: thread(0),
    receiverThread: thread(1),
  };
}

async function open() {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on("pageerror", (error) => log(`page: ${error.message}`));
  await page.goto(origin.at("/bench/transfer.html"));
  await page.waitForFunction(() => "transfer" in window);
  return page;
}

/**
 * Calls a function of a page.
 * @template {Exclude<keyof Transfer, "segmentLength">} Name
 * @param {Page} page @param {Name} name @param {Parameters<Transfer[Name]>} given
 * @returns {Promise<Awaited<ReturnType<Transfer[Name]>>>}
 */
function call(page, name, ...given) {
  return page.evaluate(
    ([name, given]) => Reflect.get(window, "transfer")[name](...given),
    /** @type {const} */ ([name, given]),
  );
}

/** @param {Page} sender @param {Page} receiver @param {string} swarmId @param {{ ahead: number }} kind */
async function connectEngines(sender, receiver, swarmId, { ahead }) {
  const count = segmentsWarm + segments;
  const swarm = { trackerUrl: origin.trackerUrl, swarmId, count };
  await call(sender, "join", swarm);
  await call(sender, "hold", count);
  await call(receiver, "join", swarm);
  await call(receiver, "meet", count);
  return (/** @type {number} */ first, /** @type {number} */ count) =>
    call(receiver, "take", first, count, ahead);
}

/** @param {Page} sender @param {Page} receiver @param {{ length: number, verified: boolean }} kind */
async function connectRaw(sender, receiver, { length, verified }) {
  const offer = await call(sender, "describe", null);
  await call(sender, "connect", await call(receiver, "describe", offer));
  await Promise.all([call(sender, "opened"), call(receiver, "opened")]);
  const segmentLength = await sender.evaluate(() => Reflect.get(window, "transfer").segmentLength);
  return async (/** @type {number} */ _first, /** @type {number} */ count) => {
    const bytes = count * segmentLength;
    const drained = call(receiver, "drain", bytes, verified);
    await call(sender, "pump", bytes, length);
    return drained;
  };
}

/** @param {Record<string, Run[]>} runs */
function print(runs) {
  const of = (/** @type {string} */ name, /** @type {keyof Run} */ what) =>
    median((runs[name] ?? []).map((run) => run[what])) ?? 0;
  const column = (/** @type {(name: string) => number} */ each, digits = 1) =>
    names.map((name) => each(name).toFixed(digits));
  /** Round by round, because a machine's minutes differ more than its ways. */
  const ratio = (/** @type {string} */ name, /** @type {keyof Run} */ what) =>
    median((runs["engine"] ?? []).map((run, at) => run[what] / (runs[name]?.[at]?.[what] ?? 0))) ??
    0;
  printTable(
    `From page to page, ${segments * 2} MiB after ${segmentsWarm * 2} MiB to warm, messages of 64 KiB or as named, medians of ${rounds} alternating rounds`,
    names,
    [
      ["MB/s", ...column((name) => of(name, "rate"))],
      ["engine, of it", ...names.map((name) => percent(ratio(name, "rate")))],
      ["MB/s in the first second", ...column((name) => of(name, "coldRate"))],
      ["CPU s a GB, whole browser", ...column((name) => of(name, "cpu"), 0)],
      ["engine, of it", ...names.map((name) => percent(ratio(name, "cpu")))],
      ["main thread s a GB, sending page", ...column((name) => of(name, "senderThread"))],
      ["main thread s a GB, receiving page", ...column((name) => of(name, "receiverThread"))],
    ],
  );
}

/** @param {string} name @param {string} text */
function whole(name, text) {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  console.error(`--${name} must be a whole number above 0, not ${text}`);
  process.exit(2);
}
