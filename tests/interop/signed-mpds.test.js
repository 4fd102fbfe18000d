// @ts-check
// Signed MPDs read by Shaka's and dash.js's own parsers, as the unsigned ones are: what they make of a text must not
// depend on our element. Where Shaka lists segments, they are those that the engine lists. Both players run in Node,
// on a page of stubs. The signed texts, and what the engine lists, are held to our code by tests/publish/mpds.rs.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { shakaReader } from "./by-shaka.js";
import { aPage } from "./page-stubs.js";

const SCHEME = "urn:swarmline:sidecar:2026";
const MPD = "https://origin.example/streams/one/manifest.mpd?token=abc";
const folder = new URL("../fixtures/mpd/", import.meta.url);
/** @type {Record<string, {signed: string, tracks: {count: number, sha256: string}[]}>} */
const corpus = JSON.parse(readFileSync(new URL("signed.json", folder), "utf8"));

/** What the players get when they ask for the MPD. */
let served = "";
aPage(MPD, () => served);
Date.now = () => 1_795_262_405_000; // live windows stand still
const shaka = createRequire(import.meta.url)("shaka-player/dist/shaka-player.dash-es2021.js");
const { MediaPlayer } = await import("dashjs");

const read = shakaReader(shaka, {
  Parser: shaka.dash.DashParser,
  url: MPD,
  answer: () => served,
  // Start, end, address and range.
  segment: (segment) => {
    const range = [segment.getStartByte(), segment.getEndByte()];
    return [segment.getStartTime(), segment.getEndTime(), segment.getUris()[0], ...range];
  },
});

/** What Shaka makes of a text: its streams and their segments, or its error's code. */
function byShaka(/** @type {string} */ text) {
  served = text;
  return read();
}

/** What dash.js makes of a text, less the text's own tree and our element. */
async function byDash(/** @type {string} */ text) {
  served = text;
  const player = MediaPlayer().create();
  player.initialize(undefined, undefined, false);
  player.updateSettings({ debug: { logLevel: 0 } });
  try {
    const loaded = new Promise((resolve) => {
      player.on("manifestLoaded", (/** @type {any} */ event) => resolve(plain(event.data)));
      player.on("error", (/** @type {any} */ event) => resolve({ refused: event.error?.code }));
    });
    player.attachSource(MPD);
    player.preload();
    return await loaded;
  } finally {
    player.destroy();
  }
}

/** @returns {any} */
function plain(/** @type {any} */ value) {
  if (Array.isArray(value)) {
    return value.filter((each) => each?.schemeIdUri !== SCHEME).map((each) => plain(each));
  }
  if (value instanceof Date) return value.getTime();
  if (typeof value !== "object" || value === null) return value;
  const left = ["__children", "childNodes", "loadedTime"];
  const kept = Object.entries(value).filter(([name]) => !left.includes(name));
  const made = kept.map(([name, each]) => [name, plain(each)]);
  return Object.fromEntries(made.filter(([, each]) => !Array.isArray(each) || each.length > 0));
}

// dash.js 5.2 ends with an error of its own on a period that is only a link, signed or not.
const FAILS = ["xlink-period"];

for (const [name, { signed }] of Object.entries(corpus)) {
  const text = readFileSync(new URL(`${name}.mpd`, folder), "utf8");

  test(`Shaka reads ${name} as before`, async () => {
    assert.notEqual(signed, text);
    const before = await byShaka(text);
    assert.deepEqual(await byShaka(signed), before);
  });

  if (FAILS.includes(name)) continue;
  test(`dash.js reads ${name} as before`, async () => {
    const before = await byDash(text);
    assert.deepEqual(await byDash(signed), before);
  });
}

// What Shaka 5.2 does otherwise: it percent-encodes, and does not know endNumber.
const OTHERWISE = ["awkward-text", "end-number"];

test("the engine lists what Shaka lists", async () => {
  let compared = 0;
  for (const [name, { tracks }] of Object.entries(corpus)) {
    const text = readFileSync(new URL(`${name}.mpd`, folder), "utf8");
    const read = await byShaka(text);
    // Live windows are a little wider with us, and Shaka joins streams over periods.
    const isPlain = read.seen && !read.isLive && text.split("<Period").length === 2;
    if (!isPlain || OTHERWISE.includes(name)) continue;
    const ours = new Set(tracks.map(({ sha256 }) => sha256));
    for (const { segments, originalId } of read.seen) {
      const count = tracks.find(({ count }) => count === segments.length);
      if (typeof segments === "string" || !count) continue; // no index, or a file that is no segment
      const urls = segments.map(([, , url]) => url).join("\n");
      const hash = createHash("sha256").update(urls).digest("base64");
      assert.ok(ours.has(hash), `${name}, ${originalId}: ${segments[0]}`);
      compared += 1;
    }
  }
  assert.ok(compared >= 20, `${compared} compared`);
});
