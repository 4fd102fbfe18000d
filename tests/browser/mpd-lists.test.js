// @ts-check
// Every MPD of the corpus through the page's own `DOMParser`, in both browsers: each address that the tools' reader
// lists (quick-xml; tests/publish/mpds.rs holds the lists) is the same segment of the same track to an engine in a
// page, and an address that it does not list is none.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { firefoxPath, startFirefox } from "./firefox.js";
import { root } from "./fixtures.js";
import { Origin, startBrowser } from "./harness.js";

/** @typedef {import("./pages/lists.js").Place} Place */

const folder = join(root, "tests", "fixtures", "mpd");
/** @type {Record<string, { tracks: string[][] }>} */
const corpus = JSON.parse(readFileSync(join(folder, "signed.json"), "utf8"));
const url = "https://origin.example/streams/one/manifest.mpd?token=abc";
const nowMs = 1_795_262_405_000;
const nowhere = { url: "https://origin.example/streams/one/not/listed.m4s", start: 0, end: 0 };

/** @type {Origin} */
let origin;
before(async () => {
  origin = await Origin.start({ "/wasm": join(root, "js-adapters", "wasm") });
});
after(() => origin?.stop());

/** «number address», and the range if there is one, its end exclusive. @param {string} line */
function read(line) {
  const [number = "", address = "", range = "0-0"] = line.split(" ");
  const [start = 0, end = 0] = range.split("-").map(Number);
  return { number: Number(number), url: address, start, end };
}

for (const [name, start, skip] of /** @type {const} */ ([
  ["Chromium", startBrowser, false],
  ["Firefox", startFirefox, firefoxPath() === undefined && "no Firefox (or name it in FIREFOX)"],
])) {
  test(`${name} reads MPDs as the tools do`, { skip, timeout: 120_000 }, async (t) => {
    const browser = await start();
    try {
      const page = await (await browser.newContext()).newPage();
      await page.goto(origin.at("/test/viewer.html"));
      await page.evaluate(() => import(/** @type {any} */ ("/test/lists.js")));
      let compared = 0;
      for (const [name, { tracks }] of Object.entries(corpus)) {
        const listed = tracks.map((lines) => lines.map(read));
        const text = readFileSync(join(folder, `${name}.mpd`), "utf8");
        const asked = { url, text, nowMs, addresses: [...listed.flat(), nowhere] };
        /** @type {Place[]} */
        const places = await page.evaluate(
          (given) => Reflect.get(window, "placesOf")(given),
          asked,
        );
        assert.equal(places.pop(), null, `${name}: what is not listed`);
        /** @type {Set<string>} */
        const ids = new Set();
        for (const track of listed) {
          const found = places.splice(0, track.length);
          const numbers = found.map((place) => place?.number);
          assert.deepEqual(
            numbers,
            track.map(({ number }) => number),
            name,
          );
          const own = new Set(found.map((place) => place?.track ?? ""));
          assert.ok(own.size <= 1, `${name}: one track`);
          for (const id of own) {
            assert.ok(!ids.has(id), `${name}: a track of its own`);
            ids.add(id);
          }
          compared += track.length;
        }
      }
      t.diagnostic(`${compared} addresses`);
      assert.ok(compared >= 1_200, `${compared} addresses`);
    } finally {
      await browser.close();
    }
  });
}
