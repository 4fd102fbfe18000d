// What dash.js really asks for, MPD by MPD of the corpus: each address is one that the engine lists, and of at least
// one track it asks for all. The lists are held to our reader by tests/publish/mpds.rs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { dashPlayer, dashVod } from "./dash-page.mjs";
import { until } from "./page.mjs";

const folder = new URL("../../tests/fixtures/mpd/", import.meta.url);
const corpus = JSON.parse(readFileSync(new URL("signed.json", folder), "utf8"));
const MPD = "https://origin.example/streams/one/manifest.mpd?token=abc";

/**
 * Those that are finished, and that dash.js plays without a media element: others of the corpus are too bare for a
 * player, or wait for an index.
 */
const PLAYED = [
  ...["coarse-timescale", "ffmpeg-list", "ffmpeg-number", "ffmpeg-single", "ffmpeg-timeline"],
  ...["multi-period-ads", "packager-timeline", "static-number", "static-repeat-to-end"],
  "static-time-quality-levels",
];

for (const name of PLAYED) {
  const { tracks } = corpus[name];
  const text = readFileSync(new URL(`${name}.mpd`, folder), "utf8");
  test(`dash.js asks for what is listed: ${name}`, { timeout: 20_000 }, async () => {
    const asked = new Set();
    const network = dashVod();
    const { pathname } = new URL(MPD);
    network.routes.get = (path) => ({ body: path === pathname ? text : Buffer.alloc(64) });
    const long = 3_600;
    const player = dashPlayer({
      buffer: {
        ...{ bufferTimeDefault: long, bufferTimeAtTopQuality: long },
        bufferTimeAtTopQualityLongForm: long,
      },
    });
    player.initialize(undefined, undefined, false);
    player.addRequestInterceptor(async (request) => {
      const about = request.customData.request;
      if (about.type !== "MediaSegment") return request;
      const [, first, last] = /(\d+)-(\d+)/.exec(about.range ?? "") ?? [];
      asked.add(first === undefined ? request.url : `${request.url} ${first}-${Number(last) + 1}`);
      return request;
    });
    player.attachSource(MPD);
    player.preload();
    const listed = tracks.map((lines) => lines.map((line) => line.slice(line.indexOf(" ") + 1)));
    const ours = new Set(listed.flat());
    try {
      await until(
        "a whole track",
        () =>
          [...asked].some((address) => !ours.has(address)) ||
          listed.some((track) => track.length > 0 && track.every((address) => asked.has(address))),
        10_000,
      ).catch((error) => {
        error.message += `: ${[...asked].join(", ")}`;
        throw error;
      });
      for (const address of asked) assert.ok(ours.has(address), address);
    } finally {
      player.destroy();
    }
  });
}
