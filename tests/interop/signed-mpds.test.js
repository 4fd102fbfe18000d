// @ts-check
// Signed MPDs read by Shaka's and dash.js's own parsers, as the unsigned ones are: what they make of a text must not
// depend on our element. Where Shaka lists segments, they are those that the engine lists. Both players run in Node,
// on a page of stubs. The signed texts, and what the engine lists, are held to our code by tests/publish/mpds.rs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { shakaReader } from "./by-shaka.js";
import { aPage } from "./page-stubs.js";

const SCHEME = "urn:swarmline:sidecar:2026";
const MPD = "https://origin.example/streams/one/manifest.mpd?token=abc";
const folder = new URL("../fixtures/mpd/", import.meta.url);
/** @type {Record<string, {signed: string, tracks: string[][]}>} */
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

/** Addresses with their ranges, the end exclusive, as the engine lists them: without numbers. @param {string[][]} tracks */
const listedIn = (tracks) =>
  new Set(tracks.flat().map((line) => line.slice(line.indexOf(" ") + 1)));

// What Shaka 5.2 does otherwise: it percent-encodes, and does not know endNumber.
const OTHERWISE = ["awkward-text", "end-number"];
/** It begins where the film ends: nobody plays it. */
const AT_THE_END = "https://origin.example/streams/one/a-1152000.m4s";
// What has no address of its own for us: an index that is not loaded here, and what cannot be mapped for sure.
const NOT_OURS = ["segment-base", "packager-on-demand", "cannot-be-mapped"];

test("what Shaka would ask for, the engine lists, address by address", async (t) => {
  let compared = 0;
  for (const [name, { tracks }] of Object.entries(corpus)) {
    const read = await byShaka(readFileSync(new URL(`${name}.mpd`, folder), "utf8"));
    if (!read.seen || OTHERWISE.includes(name) || NOT_OURS.includes(name)) continue;
    const ours = listedIn(tracks);
    const theirs = new Set();
    for (const { segments, type } of read.seen) {
      if (typeof segments === "string" || !["video", "audio"].includes(type)) continue;
      for (const [, , url, first, last] of segments) {
        theirs.add(last === null && first === 0 ? url : `${url} ${first}-${last + 1}`);
      }
    }
    for (const address of theirs) assert.ok(ours.has(address), `${name}: ${address}`);
    // Live windows are a little wider with us, because clocks differ.
    if (!read.isLive)
      assert.deepEqual(
        [...ours].filter((each) => !theirs.has(each) && each !== AT_THE_END),
        [],
        name,
      );
    compared += theirs.size;
  }
  t.diagnostic(`${compared} addresses`);
  assert.ok(compared >= 800, `${compared} addresses`);
});
