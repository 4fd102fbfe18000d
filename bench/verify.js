// @ts-check
// `cargo xtask bench verify`: how fast the engine verifies in Chromium, beside what WebCrypto alone can do;
// what that costs the page's thread at a steady rate; and how long hashing by hand holds it where there is
// no WebCrypto. It measures and prints; it judges nothing.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../tests/browser/fixtures.js";
import { Origin, browserFlags, startBrowser } from "../tests/browser/harness.js";
import { log, median, quantile } from "./measure.js";
import { percent, printTable } from "./table.js";

/** @typedef {import("./pages/verify.js").Measured} Measured */
/** @typedef {import("playwright-core").Page} Page */

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    json: { type: "boolean", default: false },
  },
});
const rounds = Math.max(1, Math.floor(Number(values.rounds)) || 5);

/** Segments of 8 MiB in one run: fast, at a steady rate (20 s of it), and by hand. */
const segmentsFast = 24;
const bitsPerSecond = 20_000_000;
const segmentsPaced = 6;
const segmentsByHand = 4;
/** Digests that the platform is given at a time; the best of them is its limit. */
const abreast = [1, 16, 256, 1024];
const blockLength = 16 * 1024;

/** A name that is not this machine's own: a page from there is no secure context. */
const insecureHost = "insecure.invalid";

const origin = await Origin.start({ "/bench": join(root, "bench", "pages") });
const browser = await startBrowser([
  ...browserFlags,
  `--host-resolver-rules=MAP ${insecureHost} 127.0.0.1`,
]);
try {
  const page = await open(origin.url);
  const roots = rootsOf(Buffer.from(await call(page, "fillingText"), "base64"), segmentsFast);
  if (!(await onSegments(page, "refusesWrongByte", roots.slice(0, 1))))
    throw new Error("a wrong byte was not noticed: nothing here is verified");
  const rates = await compareRates(page, roots);
  const shares = await compareShares(page, roots.slice(0, segmentsPaced));
  await page.close();
  const byHand = await measureByHand();
  if (values.json)
    console.log(JSON.stringify({ date: new Date().toISOString(), rounds, rates, shares, byHand }));
  else print(rates, shares, byHand);
} finally {
  await browser.close();
  await origin.stop();
}

/** @param {string} url */
async function open(url) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => log(`page: ${error.message}`));
  await page.goto(`${url}/bench/verify.html`);
  await page.waitForFunction(() => "measured" in window);
  return page;
}

/** @param {Page} page @param {"fillingText"} what @returns {Promise<any>} */
function call(page, what) {
  return page.evaluate((name) => Reflect.get(window, "measured")[name](), what);
}

/**
 * Calls a function of the page with its segments.
 * @param {Page} page
 * @param {keyof Measured} what
 * @param {string[]} roots
 * @param {unknown[]} [more]
 * @returns {Promise<any>}
 */
async function onSegments(page, what, roots, more = []) {
  const [result, warnings] = await page.evaluate(
    async ([name, roots, more]) => {
      const measured = Reflect.get(window, "measured");
      const segments = measured.segmentsOf(roots);
      return [await measured[name](segments, ...more), measured.warnings];
    },
    /** @type {const} */ ([what, roots, more]),
  );
  if (warnings.length > 0) throw new Error(`${what}: the engine warned: ${warnings.join(", ")}`);
  return result;
}

/** The roots of the page's segments: the filling with the segment's number in front. @param {Buffer} filling @param {number} count */
function rootsOf(filling, count) {
  const sha256 = (/** @type {Buffer[]} */ ...parts) => {
    const hash = createHash("sha256");
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  /** @type {Buffer[]} */
  const leaves = [];
  for (let at = 0; at < filling.length; at += blockLength)
    leaves.push(sha256(filling.subarray(at, at + blockLength)));
  if ((leaves.length & (leaves.length - 1)) !== 0)
    throw new Error("as many blocks as a power of two, so that nothing is missing in the tree");
  return Array.from({ length: count }, (_, number) => {
    const first = Buffer.from(filling.subarray(0, blockLength));
    first.writeUInt32BE(number);
    let row = [sha256(first), ...leaves.slice(1)];
    while (row.length > 1) {
      row = row.flatMap((left, at) => (at % 2 ? [] : [sha256(left, row[at + 1] ?? left)]));
    }
    return row[0]?.toString("base64") ?? "";
  });
}

/** @param {{ ms: number, bytes: number }} took */
function megabytesPerSecond({ ms, bytes }) {
  return bytes / 1e3 / ms;
}

/** Engine and platform in turn. @param {Page} page @param {string[]} roots */
async function compareRates(page, roots) {
  const rate = async (/** @type {keyof Measured} */ what, /** @type {unknown[]} */ more = []) =>
    megabytesPerSecond(await onSegments(page, what, roots, more));
  const rows = [];
  for (let round = 0; round <= rounds; round += 1) {
    const row = { engine: 0, copy: 0, straight: 0, platform: 0, abreast: 0, verifying: 0 };
    const kinds = /** @type {const} */ (["engine", "straight", "copy"]);
    for (const kind of round % 2 ? kinds : kinds.toReversed())
      row[kind] = await rate(`${kind}Rate`);
    for (const lanes of abreast) {
      const one = await rate("platformRate", [lanes]);
      if (one > row.platform) Object.assign(row, { platform: one, abreast: lanes });
    }
    const { engine, copy, straight, platform } = row;
    row.verifying = 1 / (1 / engine - 1 / copy);
    log(`round ${round}: ${[engine, straight, platform].map(Math.round).join(", ")} MB/s`);
    if (round > 0) rows.push(row); // the first warms
  }
  return rows;
}

/** Time of the page's main thread at a steady rate, as Chromium counts it. @param {Page} page @param {string[]} roots */
async function compareShares(page, roots) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const busySeconds = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0;
  };
  const kinds = /** @type {const} */ (["feed", "platform", "engine"]);
  /** @type {Record<typeof kinds[number], number[]>} */
  const shares = { feed: [], platform: [], engine: [] };
  for (let round = 1; round <= rounds; round += 1) {
    for (let turn = 0; turn < kinds.length; turn += 1) {
      const kind = kinds[(turn + round) % kinds.length] ?? "feed";
      // Making the segments is work too: it ends before the clock starts.
      await page.evaluate((roots) => {
        const measured = Reflect.get(window, "measured");
        Object.assign(window, { segments: measured.segmentsOf(roots) });
      }, roots);
      const before = await busySeconds();
      const ms = await page.evaluate(
        ([kind, rate]) => {
          const { measured, segments } = /** @type {any} */ (window);
          return measured.paced(kind, segments, rate);
        },
        /** @type {const} */ ([kind, bitsPerSecond]),
      );
      shares[kind].push(((await busySeconds()) - before) / (ms / 1e3));
    }
    log(`round ${round}: ${kinds.map((kind) => percent(shares[kind].at(-1) ?? 0)).join(", ")}`);
  }
  return shares;
}

/** Without WebCrypto: the rate, and how long each turn of a timer held the page's thread, as Chromium traces it. */
async function measureByHand() {
  const page = await open(origin.url.replace("127.0.0.1", insecureHost));
  const filling = Buffer.from(await call(page, "fillingText"), "base64");
  const roots = rootsOf(filling, segmentsByHand);
  await browser.startTracing(page, { categories: ["devtools.timeline"] });
  const rate = megabytesPerSecond(await onSegments(page, "byHandRate", roots));
  const trace = JSON.parse(String(await browser.stopTracing()));
  await page.close();
  /** @type {{ dur: number, tdur: number }[]} */
  const turns = trace.traceEvents.filter(
    (/** @type {{ name: string, ph: string }} */ { name, ph }) =>
      name === "TimerFire" && ph === "X",
  );
  const cpuMs = turns.map(({ tdur }) => tdur / 1e3);
  return {
    rate,
    turns: turns.length,
    cpuMedianMs: median(cpuMs),
    cpuP99Ms: quantile(cpuMs, 0.99),
    cpuMostMs: Math.max(...cpuMs),
    wallMostMs: Math.max(...turns.map(({ dur }) => dur / 1e3)),
  };
}

/**
 * @param {Awaited<ReturnType<typeof compareRates>>} rates
 * @param {Awaited<ReturnType<typeof compareShares>>} shares
 * @param {Awaited<ReturnType<typeof measureByHand>>} byHand
 */
function print(rates, shares, byHand) {
  /** @typedef {Exclude<keyof typeof rates[number], "abreast">} Rate */
  const of = (/** @type {Rate} */ rate, /** @type {Rate} */ limit) => {
    const shares = rates.map((row) => row[rate] / row[limit]);
    return [...shares, median(shares) ?? 0].map(percent);
  };
  const whole = (/** @type {Rate | "abreast"} */ what) => {
    const each = rates.map((row) => row[what]);
    return [...each, median(each) ?? 0].map(Math.round);
  };
  printTable(
    "Verified MB/s, segments of 8 MiB in chunks of 64 KiB",
    [...rates.map((_, at) => `round ${at + 1}`), "median"],
    [
      ["engine: placed, verified, handed over", ...whole("engine")],
      ["the same copies, WebCrypto straight", ...whole("straight")],
      ["engine, of it", ...of("engine", "straight")],
      ["the same copies alone", ...whole("copy")],
      ["engine without its copies", ...whole("verifying")],
      ["WebCrypto over bytes that lie there, at its best", ...whole("platform")],
      ["engine without its copies, of it", ...of("verifying", "platform")],
      ["digests it was given at a time", ...whole("abreast")],
    ],
  );
  const row = (/** @type {number[]} */ values) => [
    ...values.map(percent),
    percent(median(values) ?? 0),
  ];
  printTable(
    `Main thread at ${bitsPerSecond / 1e6} Mbit/s, CPU time of its tasks`,
    [...shares.feed.map((_, at) => `round ${at + 1}`), "median"],
    [
      ["chunks come and are copied", ...row(shares.feed)],
      ["and WebCrypto digests them", ...row(shares.platform)],
      ["the engine, verification and all", ...row(shares.engine)],
    ],
  );
  const ms = (/** @type {number | null} */ value) => (value === null ? null : value.toFixed(1));
  printTable(
    "No WebCrypto: hashing by hand in slices",
    ["MB/s", "turns", "CPU ms, median", "P99", "longest", "longest by the clock"],
    [
      [
        "a turn of the timer",
        byHand.rate.toFixed(1),
        byHand.turns,
        ms(byHand.cpuMedianMs),
        ms(byHand.cpuP99Ms),
        ms(byHand.cpuMostMs),
        ms(byHand.wallMostMs),
      ],
    ],
  );
}
