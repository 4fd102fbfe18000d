// @ts-check
// Signed playlists read by Shaka's own parser, as the unsigned ones are: what it makes of a text must not depend on
// our lines. It runs in Node, on a page of stubs, and gets no segments. hls.js reads the same texts in js-adapters/test;
// they are held to `swarmline sign` by tests/publish/corpus.rs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { shakaReader } from "./by-shaka.js";
import { aPage } from "./page-stubs.js";

const BASE = "https://cdn.test/live/v.m3u8";
const folder = new URL("../fixtures/hls/", import.meta.url);
/** @type {Record<string, { lines: string, sidecar: string }>} */
const signed = JSON.parse(readFileSync(new URL("signed.json", folder), "utf8"));

/** What Shaka gets when it asks for the playlist, and for those that a master names. */
let served = "";
const media = plain("plain-vod");
aPage(BASE, () => served);
Date.now = () => 1_795_262_405_000; // live windows stand still
const shaka = createRequire(import.meta.url)("shaka-player/dist/shaka-player.hls-es2021.js");

const read = shakaReader(shaka, {
  Parser: shaka.hls.HlsParser,
  url: BASE,
  answer: (uri) => (uri === BASE ? served : uri.includes(".m3u8") ? media : ""),
  segment: known,
});

/** What Shaka makes of a text: its streams and their segments, or its error's code. */
function byShaka(/** @type {string} */ text) {
  served = text;
  return read();
}

/**
 * Times, ranges, maps, keys and parts, under whatever names the compiler gave them. Members that are functions make
 * the addresses.
 * @returns {unknown}
 */
function known(/** @type {any} */ value) {
  if (typeof value === "function") return value.length === 0 ? known(value()) : undefined;
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value)) return [...new Uint8Array(value.buffer)];
  if (Array.isArray(value)) return value.map(known);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, known(each)]));
}

/** A playlist of the corpus. Where it was signed before, it is what it had been then: the tool mends torn lines of ours. */
function plain(/** @type {string} */ name) {
  const text = readFileSync(new URL(`${name}.m3u8`, folder), "utf8");
  return text.replaceAll(/^\s*#EXT-X-SWARMLINE-.*\n/gm, "");
}

let listed = 0;
for (const [name, texts] of Object.entries(signed)) {
  test(`Shaka reads ${name} as before`, async () => {
    const before = await byShaka(plain(name));
    for (const text of [texts.lines, texts.sidecar]) {
      assert.deepEqual(await byShaka(text), before);
    }
    listed += before.seen?.some(({ segments }) => segments.length > 0) ? 1 : 0;
  });
}

/** What a reader must not miss: an address, a time, a range, a map. @type {[string, string, string][]} */
const changes = [
  ["plain-vod", "seg2.ts", "seg3.ts"],
  ["plain-vod", "#EXTINF:4.000", "#EXTINF:3.000"],
  ["maps-change", "b/init.mp4", "c/init.mp4"],
  ["maps-change", "600@8", "600@9"],
];

test("most playlists have segments, and a difference would show", async () => {
  assert.ok(listed >= 30, `${listed} of ${Object.keys(signed).length}`);
  for (const [name, from, to] of changes) {
    const text = plain(name);
    assert.ok(text.includes(from));
    assert.notDeepEqual(await byShaka(text.replace(from, to)), await byShaka(text), from);
  }
});
