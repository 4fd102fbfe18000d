// @ts-check
// What the viewers of a scenario are told to play, plain and in a swarm: hls.js a film or the looped live stream of
// the origin, Shaka an MPD of three renditions, finished or growing. Players keep their own settings.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { hlsBuilds, shakaBuilds } from "../tests/browser/harness.js";
import { listedOf } from "../tests/browser/mpds.js";
import { TextServer } from "../tests/browser/publisher.js";
import { swarmOf } from "./measure.js";

/** @typedef {import("../tests/browser/harness.js").Origin} Origin */
/** @typedef {import("./measure.js").Plan} Plan */
/** @typedef {import("./measure.js").Mode} Mode */

/** How long a live stream is under way when its first viewer joins. */
const liveLeadSeconds = 40;
/** Three segments, as hls.js stays behind by itself. */
const liveDelaySeconds = 12;

/** @param {Origin} origin @param {string} path @returns {Plan["optionsOf"]} */
export const hlsOptions = (origin, path) => (mode) => ({
  src: origin.at(mode === "unsigned" ? `/unsigned${path}` : path),
  hls: hlsBuilds["1.7"],
  swarm: swarmOf(origin, mode),
});

/** The modes of a DASH scenario: p2p-media-loader is asked for by name. @param {import("./browser.js").Settings} settings @returns {Mode[]} */
export const dashModes = ({ modes, against }) =>
  against ? [...modes, "p2p-media-loader", "p2p-media-loader, 4.16"] : modes;

/** Shaka's build: p2p-media-loader lost all from 4.16.30 on, so it also plays with the last one before. @type {Partial<Record<Mode, string>>} */
const shakaOf = {
  "p2p-media-loader, 4.16": "/incumbent/shaka-player-4.16.29/dist/shaka-player.compiled.js",
};

/** @param {Origin} origin @param {(mode: Mode) => string} src @returns {(mode: Mode) => import("../tests/browser/pages/shaka.js").ShakaOptions} */
const shakaAt = (origin, src) => (mode) => ({
  src: src(mode),
  shaka: shakaOf[mode] ?? shakaBuilds["5.2"],
  swarm: swarmOf(origin, mode),
  ...(mode.startsWith("p2p-media-loader")
    ? { other: { module: "/bench/incumbent-shaka.js", trackerUrl: origin.trackerUrl } }
    : {}),
});

/** The finished MPD; signed by a sidecar. @param {Origin} origin @returns {Plan["optionsOf"]} */
export const shakaOptions = (origin) =>
  shakaAt(origin, (mode) =>
    origin.at(`/media/${mode === "signed" ? "dash-signed" : "dash"}/index.mpd`),
  );

/**
 * The same as it grows: begun anew before each run, so that all runs meet the same segments at the same moments.
 * @param {Origin} origin
 * @param {string} folder
 * @param {string} signed the same with a sidecar
 */
export async function dashLiveSource(origin, folder, signed) {
  const texts = await new TextServer().start();
  const base = origin.at("/media/dash/");
  const sidecar = JSON.parse(readFileSync(join(signed, "index.mpd.swarmline.json"), "utf8"));
  let startedMs = 0;
  const mpd = () => listedOf(folder, base, startedMs, liveDelaySeconds);
  const property = `<SupplementalProperty schemeIdUri="urn:swarmline:sidecar:2026" value="live.json"/>`;
  texts.texts.set("/live.mpd", mpd);
  texts.texts.set("/signed.mpd", () => mpd().replace("</MPD>", `${property}</MPD>`));
  texts.texts.set("/live.json", () => cutSidecar(sidecar, mpd(), base));
  return {
    optionsOf: shakaAt(
      origin,
      (mode) => `${texts.url}/${mode === "signed" ? "signed" : "live"}.mpd`,
    ),
    prepare: () => {
      startedMs = Date.now() - liveLeadSeconds * 1_000;
      texts.sentBytes = 0;
    },
    textBytes: () => texts.sentBytes,
    stop: () => texts.stop(),
  };
}

/**
 * A finished stream's sidecar with the segments that its live MPD lists by now, as a signer writes it who follows along.
 * @param {{ tracks: { segments: { url: string }[] }[] }} sidecar
 * @param {string} mpd
 * @param {string} base where the files are
 */
function cutSidecar(sidecar, mpd, base) {
  const lists = mpd.matchAll(
    /<Representation id="(\d+)"[\s\S]*?<SegmentTimeline>([\s\S]*?)<\/SegmentTimeline>/g,
  );
  const listed = new Set(
    [...lists].flatMap(([, id, times = ""]) =>
      [...times.matchAll(/ t="(\d+)"/g)].map(([, time]) => `s-${id}-${time}.m4s`),
    ),
  );
  const tracks = sidecar.tracks.map((track) => ({
    ...track,
    segments: track.segments
      .filter(({ url }) => listed.has(url))
      .map((segment) => ({ ...segment, url: new URL(segment.url, base).href })),
  }));
  return JSON.stringify({ ...sidecar, tracks });
}
