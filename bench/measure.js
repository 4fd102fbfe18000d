// @ts-check
// Figures from what viewers and origin say: medians, sums, the floor, and one run of several viewers.

import { allBytes, mediaOf, Viewer } from "../tests/browser/harness.js";

/** @typedef {import("../tests/browser/pages/viewer.js").State} State */
/** @typedef {import("../tests/browser/harness.js").Origin} Origin */
/** @typedef {"plain" | "signed" | "unsigned" | "p2p-media-loader" | "p2p-media-loader, 4.16"} Mode */
/**
 * @typedef {object} Run what one run of several viewers gave
 * @property {string} mode
 * @property {number} cdnBytes all the origin sent, playlists included
 * @property {number} mediaBytes of them, segments
 * @property {number} copies media bytes the origin sent for each byte that anybody watched
 * @property {number} floorBytes each segment once, and for each further viewer those up to its first frame (of picture and of sound, where they are apart)
 * @property {Set<string>} asked paths of segments that the origin was asked for
 * @property {number} deliveredBytes all players were handed
 * @property {number} stalls
 * @property {number} stallMs
 * @property {Record<string, number>} pictures shares of the time that was played, by the height of the picture
 * @property {number} bufferSeconds mean at the end
 * @property {number} latencySeconds mean at the end (live)
 * @property {number | null} firstPeerMs median of all viewers but the first
 * @property {number | null} p2pP50Ms
 * @property {number | null} p2pP95Ms
 * @property {number} errors load and media errors
 */

/** @param {number[]} values @param {number} share 0.5 is the median */
export function quantile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
}

/** @param {number[]} values */
export const median = (values) => quantile(values, 0.5);

/** @param {number[]} values */
export const sum = (values) => values.reduce((total, value) => total + value, 0);

/** @param {number} seconds */
export const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Says what is being done, beside the report. @param {string} text */
export const log = (text) =>
  process.stderr.write(`${new Date().toISOString().slice(11, 19)}  ${text}\n`);

/**
 * @typedef {object} Plan what all runs of a scenario have in common
 * @property {number} viewers
 * @property {number} apartSeconds
 * @property {number} watchSeconds
 * @property {(mode: Mode) => Parameters<typeof Viewer.open>[2]} optionsOf a viewer's
 * @property {Mode[]} [modes] instead of those that were asked for
 * @property {() => void} [prepare] before each run
 * @property {() => number} [textBytes] what servers of texts beside the origin have sent in this run
 */

/**
 * Plain viewers, then each mode, round after round; each round is shown when it is done.
 * @param {import("playwright-core").Browser} browser
 * @param {Origin} origin
 * @param {import("./browser.js").Settings} settings
 * @param {Plan} plan
 * @param {(round: number, plain: Run, runs: Run[]) => void} show
 * @returns {Promise<{ plain: Run, runs: Run[] }[]>}
 */
export async function runRounds(browser, origin, settings, plan, show) {
  const rounds = [];
  for (let round = 1; round <= (settings.rounds ?? 1); round += 1) {
    log(`round ${round}: plain`);
    const plain = await runViewers(browser, origin, plan, "plain");
    const runs = [plain];
    for (const mode of plan.modes ?? settings.modes) {
      log(`round ${round}: ${mode}`);
      runs.push(await runViewers(browser, origin, plan, mode));
    }
    if (!settings.json) show(round, plain, runs);
    rounds.push({ plain, runs });
  }
  return rounds;
}

/** The swarm of a viewer, if it is to have one. @param {Origin} origin @param {Mode} mode */
export const swarmOf = (origin, mode) =>
  mode === "signed" || mode === "unsigned"
    ? { trackerUrls: [origin.trackerUrl], stunServers: [] }
    : null;

/**
 * Viewers join one after another and watch; then everything is read at once.
 * @param {import("playwright-core").Browser} browser
 * @param {Origin} origin
 * @param {Plan} plan
 * @param {Mode} mode
 * @returns {Promise<Run>}
 */
async function runViewers(browser, origin, plan, mode) {
  plan.prepare?.();
  await origin.reset();
  const viewers = [];
  const started = Date.now();
  for (let at = 0; at < plan.viewers; at += 1) {
    await wait(Math.max(0, at * plan.apartSeconds - (Date.now() - started) / 1000));
    viewers.push(await Viewer.open(browser, origin, plan.optionsOf(mode)));
    log(`  ${mode}: viewer ${at + 1} joined`);
  }
  await wait(plan.watchSeconds);
  const [files, ...states] = await Promise.all([
    origin.files(),
    ...viewers.map((viewer) => viewer.state()),
  ]);
  await Promise.all(viewers.map((viewer) => viewer.close()));
  refuseRepeatedFragments(states);
  return figures(mode, states, files, plan.textBytes?.() ?? 0);
}

/**
 * @param {string} mode
 * @param {State[]} states
 * @param {import("../tests/browser/harness.js").Files} files
 * @param {number} textBytes
 * @returns {Run}
 */
function figures(mode, states, files, textBytes) {
  const media = mediaOf(files);
  const delivered = states.flatMap((state) => state.fragments.map((fragment) => fragment.bytes));
  const sizes = new Map(
    states.flatMap((state) =>
      state.fragments.map(({ url, bytes }) => [new URL(url).pathname, bytes]),
    ),
  );
  const firsts = states.slice(1).flatMap(firstsOf);
  const unique = sum([...sizes.values()]);
  const stalls = states.flatMap((state) => [
    ...state.stalls.map(({ ms }) => ms),
    ...(state.stalledMs > 0 ? [state.stalledMs] : []),
  ]);
  const fromPeers = states.flatMap((state) =>
    state.segments
      .filter(({ source }) => source === "peers")
      .map(({ elapsedMs }) => Number(elapsedMs)),
  );
  const links = states
    .slice(1)
    .flatMap(({ firstPeerMs }) => (firstPeerMs === null ? [] : [firstPeerMs]));
  return {
    mode,
    cdnBytes: allBytes(files) + textBytes,
    mediaBytes: media.bytes,
    copies: media.bytes / unique,
    floorBytes: unique + sum(firsts),
    asked: new Set(Object.keys(media.files).map((file) => file.replace(copyName, ""))),
    deliveredBytes: sum(delivered),
    stalls: stalls.length,
    stallMs: sum(stalls),
    pictures: sharesOf(states.map(({ pictures }) => pictures)),
    bufferSeconds: sum(states.map(({ ahead }) => ahead)) / states.length,
    latencySeconds: sum(states.map(({ latency }) => latency)) / states.length,
    firstPeerMs: median(links),
    p2pP50Ms: median(fromPeers),
    p2pP95Ms: quantile(fromPeers, 0.95),
    errors: sum(states.map((state) => state.errors.length)),
  };
}

/** What tells a copy of a stream from it: HLS without digests, and an MPD beside its sidecar. */
const copyName = /^\/unsigned|(?<=^\/media\/[^/]+)-signed(?=\/)/;

/** The streams' sound, where it comes apart: `streams.js` has three renditions, and sound behind them. */
const soundName = /\/s-3-[^/]*\.m4s$/;

/**
 * Bytes of the segments that a viewer's first frame took, of picture and of sound where they are apart: the one that it is
 * in, and what came before that. Live, Shaka begins two seconds before it, which may be a segment earlier.
 * @param {State} state
 */
function firstsOf({ fragments, firstFrameSeconds }) {
  const place = firstFrameSeconds ?? 0;
  /** Kinds that have come so far. @type {Set<string>} */
  const here = new Set();
  return fragments.flatMap(({ url, bytes, untilSeconds }) => {
    const kind = soundName.test(url) ? "sound" : "picture";
    if (here.has(kind)) return [];
    if (untilSeconds === null || untilSeconds > place) here.add(kind);
    return [bytes];
  });
}

/** Seconds by height, of several viewers, as shares of them all. @param {Record<string, number>[]} viewers */
function sharesOf(viewers) {
  /** @type {Record<string, number>} */
  const seconds = {};
  for (const [height, more] of viewers.flatMap((pictures) => Object.entries(pictures))) {
    seconds[height] = (seconds[height] ?? 0) + more;
  }
  const all = Math.max(1, sum(Object.values(seconds)));
  return Object.fromEntries(Object.entries(seconds).map(([height, part]) => [height, part / all]));
}

/** How the time was spent: «180: 3 %, 360: 97 %», or the one picture there was. @param {Run} run */
export function histogram({ pictures }) {
  const shares = Object.entries(pictures).toSorted(([a], [b]) => Number(a) - Number(b));
  return shares.map(([height, share]) => `${height}p ${(share * 100).toFixed(1)} %`).join(", ");
}

/** The share of the time that was spent at another picture: half of the summed differences. @param {Run} run @param {Run} plain */
export function otherPicture({ pictures }, plain) {
  const heights = new Set([...Object.keys(pictures), ...Object.keys(plain.pictures)]);
  const apart = [...heights].map((at) => Math.abs((pictures[at] ?? 0) - (plain.pictures[at] ?? 0)));
  return sum(apart) / 2;
}

/**
 * What was saved of what can be: each segment once, and a first one for each further viewer, is the
 * floor. A run is compared with what its own players were handed, for no two runs hand out the same.
 * @param {Run} run
 */
export function shareOfSaving(run) {
  return (run.deliveredBytes - run.mediaBytes) / (run.deliveredBytes - run.floorBytes);
}

/** Two names for the same bytes would make a cache look like a swarm. @param {State[]} states */
function refuseRepeatedFragments(states) {
  const names = new Map();
  for (const { url, bytes, sha256 } of states.flatMap((state) => state.fragments)) {
    if (sha256 === "" || bytes < 10_000) continue;
    const name = new URL(url).pathname;
    if (names.has(sha256) && names.get(sha256) !== name) {
      throw new Error(`refused: ${name} has the bytes of ${names.get(sha256)}; the stream repeats`);
    }
    names.set(sha256, name);
  }
}
