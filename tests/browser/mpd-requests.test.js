// @ts-check
// What Shaka and dash.js really ask for, MPD by MPD of the corpus, in a real Chromium: each segment that goes to the
// network is one that the engine lists, at the same address with the same range, and an engine in the page knows
// it by the same number. Where a player can play a presentation at all, it asks for whole tracks. Which presentations a
// player refuses is written down with its own word for it, so that none is left out unseen.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root } from "./fixtures.js";
import { dashBuild, Origin, shakaBuilds, startBrowser } from "./harness.js";

/** @typedef {import("./pages/lists.js").Place} Place */
/** @typedef {"shaka" | "dash"} Kind */

const folder = join(root, "tests", "fixtures", "mpd");
/** @type {Record<string, { tracks: string[][] }>} */
const corpus = JSON.parse(readFileSync(join(folder, "signed.json"), "utf8"));
const src = "https://origin.example/streams/one/manifest.mpd?token=abc";
/** The moment at which the corpus is listed. */
const nowMs = 1_795_262_405_000;

/**
 * What a player says of an MPD that it does not play; nothing where it says nothing, and asks for nothing.
 * @type {Record<Kind, Record<string, string>>}
 */
const refused = {
  shaka: {
    "cannot-be-mapped": "Shaka 4002",
    "multi-period-no-ids": "Shaka 4032",
    "prefixed-namespaces": "Shaka 4001",
    protected: "Shaka (4063|6001)",
    "single-segments": "Shaka 4002",
    "xlink-period": "Shaka 4004",
  },
  dash: {
    "awkward-text": "",
    "ffmpeg-live": "",
    "ffmpeg-low-latency": "",
    inheritance: "",
    "live-low-latency": "",
    location: "",
    "multi-period-no-ids": "dash.js 32",
    "prefixed-namespaces": "",
    protected: "dash.js 24",
    "segment-list": "",
    "single-segments": "",
    "xlink-period": "dash.js 29",
  },
};

/**
 * What a player asks for beyond what is there: Shaka does not read `endNumber`. It is no segment to an engine, and comes
 * from the CDN.
 * @type {Record<Kind, Record<string, RegExp>>}
 */
const beyond = { shaka: { "end-number": /\/a?\d+\.m4s$/ }, dash: {} };

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  origin = await Origin.start({ "/wasm": join(root, "js-adapters", "wasm") });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await origin?.stop();
});

/** Players ask for a codec before they ask for segments. What is listed does not depend on it. @param {string} text */
function dressed(text) {
  const begun = text.replaceAll(
    /(<(?:\w+:)?SegmentTemplate )(?=[^>]*media)(?![^>]*initialization)/g,
    '$1initialization="begin.mp4" ',
  );
  if (/ codecs\s*=/.test(text)) return begun;
  return begun
    .replaceAll(/mimeType\s*=\s*"video\/mp(?:4|2t)"/g, 'mimeType="video/mp4" codecs="avc1.42c01e"')
    .replaceAll(/mimeType\s*=\s*"audio\/mp4"/g, 'mimeType="audio/mp4" codecs="mp4a.40.2"');
}

/** An index that fills its range: segments of a thousand bytes and two seconds. @param {number} first @param {number} last @param {number} timescale */
function sidxOf(first, last, timescale) {
  const count = Math.floor((last + 1 - first - 32) / 12);
  const bytes = Buffer.alloc(last + 1 - first);
  const words = [0, 1, timescale, 0, bytes.length - 32 - 12 * count, count];
  for (let at = 0; at < count; at += 1) words.push(1_000, 2 * timescale, 0x9000_0000);
  bytes.writeUInt32BE(8 + words.length * 4, 0);
  bytes.write("sidx", 4);
  for (const [at, word] of words.entries()) bytes.writeUInt32BE(word, 8 + at * 4);
  const lines = words.slice(6, 6 + count).map((_, at) => {
    const start = last + 1 + at * 1_000;
    return `${at * 2 * timescale} ${start}-${start + 1_000}`;
  });
  return { bytes, lines };
}

/**
 * The indexes of an MPD's files, made up, and the lists that follow from them.
 * @param {string} text
 */
function indexesOf(text) {
  const found = text.matchAll(
    /<BaseURL>([^<]+)<\/BaseURL>\s*<SegmentBase indexRange="(\d+)-(\d+)"[^>]*timescale="(\d+)"/g,
  );
  return [...found].map(([, name = "", first, last, timescale]) => {
    const url = new URL(name, src).href;
    const { bytes, lines } = sidxOf(Number(first), Number(last), Number(timescale));
    const track = lines.map((line) => line.replace(" ", ` ${url} `));
    return { url, first: Number(first), last: Number(last), bytes, track };
  });
}

/** What a player has for a range, as the corpus writes it. @param {string} url @param {string} range */
function written(url, range) {
  const [, first, last] = /(\d+)-(\d+)/.exec(range) ?? [];
  return first === undefined ? url : `${url} ${first}-${Number(last) + 1}`;
}

/** «number address», and the range if there is one, its end exclusive. @param {string} line */
function read(line) {
  const [number = "", address = "", range = "0-0"] = line.split(" ");
  const [start = 0, end = 0] = range.split("-").map(Number);
  return { number: Number(number), url: address, start, end };
}

/** @param {string} what @param {() => boolean} wanted */
async function until(what, wanted) {
  const end = Date.now() + 60_000;
  while (!wanted()) {
    if (Date.now() > end) throw new Error(`never ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** @typedef {{ media: Set<string>, other: Set<string>, sent: Set<string>, errors: string[], renditions: number }} Asked */

/**
 * Lets a player open an MPD in a page of its own until it has asked for whole tracks, or says that it cannot.
 * @param {Kind} kind
 * @param {string} player its build
 * @param {string} name
 * @param {number} at
 * @param {(asked: Set<string>) => boolean} enough
 */
async function ask(kind, player, name, at, enough) {
  const text = readFileSync(join(folder, `${name}.mpd`), "utf8");
  const indexes = indexesOf(text);
  const published = Date.parse(/publishTime="([^"]*)"/.exec(text)?.[1] ?? "") || nowMs;
  const clockMs = Math.max(nowMs, published);
  /** @type {Asked} */
  const asked = { media: new Set(), other: new Set(), sent: new Set(), errors: [], renditions: 1 };
  const context = await browser.newContext();
  const headers = { "access-control-allow-origin": "*" };
  await context.route(
    ({ href }) => !href.startsWith(origin.url),
    async (route) => {
      const url = route.request().url();
      const range = route.request().headers()["range"] ?? "";
      const index = indexes.find(
        (one) => one.url === url && range.endsWith(`=${one.first}-${one.last}`),
      );
      if (url.includes(".mpd")) return route.fulfill({ body: dressed(text), headers });
      if (url.includes("time."))
        return route.fulfill({ body: new Date(clockMs).toISOString(), headers });
      if (url.endsWith(".xml")) return route.fulfill({ status: 404, headers });
      asked.sent.add(written(url, range));
      if (index) return route.fulfill({ status: 206, body: index.bytes, headers });
      // Shaka has asked for everything before the first answer. dash.js asks one after the other.
      if (kind === "dash")
        return route.fulfill({ status: range ? 206 : 200, body: Buffer.alloc(64), headers });
    },
  );
  const page = await context.newPage();
  await page.clock.setFixedTime(clockMs);
  await page.exposeFunction(
    "told",
    (/** @type {boolean} */ isMedia, /** @type {string} */ url, /** @type {string} */ range) => {
      const isIndex = indexes.some(
        (one) => one.url === url && range.endsWith(`${one.first}-${one.last}`),
      );
      asked[isMedia && !isIndex ? "media" : "other"].add(written(url, range));
    },
  );
  await page.exposeFunction("failed", (/** @type {string} */ error) => asked.errors.push(error));
  try {
    await page.goto(origin.at("/test/viewer.html"));
    await page.evaluate(() => import(/** @type {any} */ ("/test/asking.js")));
    await page.evaluate(
      ([verb, opened]) => Reflect.get(window, verb)(opened),
      /** @type {const} */ ([kind === "shaka" ? "askShaka" : "askDash", { player, src, at }]),
    );
    await until(
      `enough of ${name}`,
      () => asked.errors.length > 0 || enough(new Set([...asked.media].map(normal))),
    );
    // What a player says and what the network sees come by two ways.
    const told = () => new Set([...asked.media, ...asked.other].map(normal));
    const sent = () => new Set([...asked.sent].map(normal));
    const isSent = () => [...asked.media].every((address) => sent().has(normal(address)));
    await until(`${name}: all on the wire`, () => asked.errors.length > 0 || isSent());
    await until(`${name}: nothing else on the wire`, () =>
      [...sent()].every((one) => told().has(one)),
    );
    asked.renditions = Number(await page.evaluate(() => Reflect.get(window, "renditions") ?? 1));
    await page.evaluate(() => Reflect.get(window, "closePlayer")());
  } finally {
    await context.close();
  }
  return asked;
}

/** Address and range, as addresses are compared. @param {string} address */
const normal = (address) => {
  const [url = "", range = ""] = address.split(" ");
  return `${new URL(url).href} ${range}`;
};

/** An engine of a page that never opens a stream. */
async function openLists() {
  const page = await browser.newPage();
  await page.goto(origin.at("/test/viewer.html"));
  await page.evaluate(() => import(/** @type {any} */ ("/test/lists.js")));
  return page;
}

/**
 * What was asked for is what is listed, and the engine knows it.
 * @param {import("playwright-core").Page} page
 * @param {string} name
 * @param {string[][]} listed
 * @param {string[]} addresses
 */
async function isKnown(page, name, listed, addresses) {
  const text = readFileSync(join(folder, `${name}.mpd`), "utf8");
  const indexes = indexesOf(text).map(({ bytes, ...index }) => ({ ...index, bytes: [...bytes] }));
  const numbers = new Map(
    listed.flat().map((line) => [normal(addressOf(line)), read(line).number]),
  );
  for (const address of addresses)
    assert.ok(numbers.has(normal(address)), `${name}: ${address} is not listed`);
  const strange = addresses.map((address) => ({
    ...read(`0 ${address}`),
    url: `${read(`0 ${address}`).url}x`,
  }));
  /** @type {Place[]} */
  const places = await page.evaluate((given) => Reflect.get(window, "placesOf")(given), {
    ...{ url: src, text, nowMs, indexes },
    addresses: [...addresses.map((address) => read(`0 ${address}`)), ...strange.slice(0, 1)],
  });
  assert.equal(places.pop(), null, `${name}: the twin, an address that nobody lists`);
  const known = places.map((place) => place?.number);
  assert.deepEqual(
    known,
    addresses.map((address) => numbers.get(normal(address))),
    name,
  );
}

/** @param {string} line of the corpus */
const addressOf = (line) => line.slice(line.indexOf(" ") + 1);

/**
 * One MPD in one player: how many segments it asked for.
 * @param {import("playwright-core").Page} page
 * @param {Kind} kind
 * @param {string} build
 * @param {string} name
 */
async function compare(page, kind, build, name) {
  const word = refused[kind][name];
  if (word === "") return 0;
  const text = readFileSync(join(folder, `${name}.mpd`), "utf8");
  const tracks = corpus[name]?.tracks.filter((lines) => lines.length > 0) ?? [];
  const listed = [...tracks, ...indexesOf(text).map(({ track }) => track)];
  const isLive = text.includes('type="dynamic"');
  const places = listed.map((lines) => lines.map((line) => normal(addressOf(line))));
  const enough = (/** @type {Set<string>} */ asked) =>
    places.some((track) => {
      const has = track.map((place) => asked.has(place));
      // Live, a player begins where it likes; of a long film dash.js need not ask for all.
      return isLive ? has.filter(Boolean).length >= 3 : has.slice(0, 25).every(Boolean);
    });
  let compared = 0;
  for (let at = 0, renditions = 1; at < Math.min(renditions, 2); at += 1) {
    const asked = await ask(kind, build, name, at, enough);
    if (word !== undefined) {
      assert.match(asked.errors.join(), new RegExp(`^${word}`), name);
      assert.equal(asked.media.size, 0, `${name}: ${[...asked.media].join()}`);
      return 0;
    }
    assert.deepEqual(asked.errors, [], name);
    const isListed = new Set(places.flat());
    const wanted = [...asked.media].filter(
      (address) => isListed.has(normal(address)) || !beyond[kind][name]?.test(address),
    );
    await isKnown(page, name, listed, wanted);
    compared += wanted.length;
    renditions = asked.renditions;
  }
  return compared;
}

for (const [player, kind, build, least] of /** @type {const} */ ([
  ["Shaka 5.2", "shaka", shakaBuilds["5.2"], 900],
  ["Shaka 4.16", "shaka", shakaBuilds["4.16"], 900],
  ["dash.js 5.2", "dash", dashBuild, 200],
])) {
  test(`${player} asks for what is listed`, { timeout: 600_000 }, async (t) => {
    const page = await openLists();
    let compared = 0;
    for (const name of Object.keys(corpus)) compared += await compare(page, kind, build, name);
    t.diagnostic(`${compared} addresses`);
    assert.ok(compared >= least, `${compared} addresses`);
    await page.close();
  });
}
