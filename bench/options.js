// @ts-check
// What the viewers of a scenario are told to play, plain and in a swarm: hls.js a film or the looped live stream of
// the origin, Shaka an MPD of three renditions, finished or growing. Players keep their own settings.

import { hlsBuilds, shakaBuilds } from "../tests/browser/harness.js";
import { listedOf } from "../tests/browser/mpds.js";
import { TextServer } from "../tests/browser/publisher.js";
import { swarmOf } from "./measure.js";

/** @typedef {import("../tests/browser/harness.js").Origin} Origin */
/** @typedef {import("./measure.js").Plan} Plan */

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

/** @param {Origin} origin @param {(mode: import("./measure.js").Mode) => string} src */
const shakaAt = (origin, src) => (/** @type {import("./measure.js").Mode} */ mode) => ({
  src: src(mode),
  shaka: shakaBuilds["5.2"],
  swarm: swarmOf(origin, mode),
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
 */
export async function dashLiveSource(origin, folder) {
  const texts = await new TextServer().start();
  let startedMs = 0;
  texts.texts.set("/live.mpd", () =>
    listedOf(folder, origin.at("/media/dash/"), startedMs, liveDelaySeconds),
  );
  return {
    optionsOf: shakaAt(origin, () => `${texts.url}/live.mpd`),
    prepare: () => {
      startedMs = Date.now() - liveLeadSeconds * 1_000;
    },
    stop: () => texts.stop(),
  };
}
