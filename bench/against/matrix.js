// @ts-check
// What is compared with what: kinds of viewers, scenarios, and the order of runs. Everything that differs
// between two runs of a scenario is the kind; nothing here measures.

import { streamSeconds } from "../streams.js";

/** Bytes a second. @param {number} megabits a second */
const mbit = (megabits) => (megabits * 1e6) / 8;

/**
 * @typedef {object} Kind
 * @property {string} label
 * @property {"plain" | "incumbent" | "swarmline"} library
 * @property {Record<string, unknown>} core what the incumbent is given beside the tracker
 * @property {Record<string, unknown>} [player] what the incumbent's hls.js is given
 * @property {boolean} [onlyNamed] not in a run of everything
 */

/** @type {Record<string, Kind>} */
export const kinds = {
  plain: { label: "plain hls.js", library: "plain", core: {} },
  incumbent: { label: "p2p-media-loader", library: "incumbent", core: {} },
  // The best that was found: it shares live at hls.js's own latency, keeps hls.js's own buffer, and fetches
  // no film that nobody may come to watch.
  tuned: {
    label: "p2p-media-loader, tuned",
    library: "incumbent",
    core: { highDemandTimeWindow: 4, httpDownloadTimeWindow: 30, p2pDownloadTimeWindow: 60 },
    player: { maxBufferLength: 30 },
  },
  window4: {
    label: "p2p-media-loader, highDemandTimeWindow 4",
    library: "incumbent",
    core: { highDemandTimeWindow: 4 },
    onlyNamed: true,
  },
  swarmline: { label: "swarmline", library: "swarmline", core: {} },
  control: { label: "plain again", library: "plain", core: {} },
};

/**
 * @typedef {object} Scenario
 * @property {string} title
 * @property {"film" | "live" | "ladder"} stream
 * @property {number} apartSeconds between two viewers' joins
 * @property {number} watchSeconds after the last one joined
 * @property {{ latencyMs: number, bytesPerS: number }} [origin] every viewer's link to the origin
 * @property {number[]} [downlinks] of the viewers in turn, bytes a second, from the origin and from peers each
 * @property {number} [firstUplink] of the first viewer, bytes a second
 * @property {boolean} [onlyNamed] too long for a run of everything
 */

const far = { latencyMs: 200, bytesPerS: mbit(6) };
const film = /** @type {const} */ ({ stream: "film", apartSeconds: 4, watchSeconds: 60 });
const live = /** @type {const} */ ({ stream: "live", apartSeconds: 1, watchSeconds: 60 });
const ladder = /** @type {const} */ ({ stream: "ladder", apartSeconds: 4, watchSeconds: 60 });

/** @type {Record<string, Scenario>} */
export const scenarios = {
  vod: { ...film, title: "VOD" },
  live: { ...live, title: "Live" },
  ladder: {
    ...ladder,
    title: "Ladder of 3, equal links of 6 Mbit/s",
    downlinks: [mbit(6)],
  },
  "ladder-mixed": {
    ...ladder,
    title: "Ladder of 3, links of 6, 1.6 and 0.8 Mbit/s in turn",
    downlinks: [mbit(6), mbit(1.6), mbit(0.8)],
  },
  "vod-far": { ...film, title: "VOD, origin 200 ms away at 6 Mbit/s a viewer", origin: far },
  "live-far": { ...live, title: "Live, origin 200 ms away at 6 Mbit/s a viewer", origin: far },
  "vod-uplink": { ...film, title: "VOD, the first viewer sends 1 Mbit/s", firstUplink: mbit(1) },
  "live-uplink": { ...live, title: "Live, the first viewer sends 1 Mbit/s", firstUplink: mbit(1) },
  film: { ...film, title: "VOD to the end", watchSeconds: streamSeconds + 8 },
  "live-long": { ...live, title: "Live, ten minutes", watchSeconds: 600, onlyNamed: true },
};

/** Seconds that a run takes beside its viewers: origin and browser start, all is read, all is closed. */
const aroundSeconds = 9;

/** From the origin's start to the first viewer's join: every live run begins at the same place of a segment. */
export const leadSeconds = 5;

/**
 * @typedef {object} Run
 * @property {string} scenario
 * @property {number} viewers
 * @property {string} kind
 * @property {number} round
 * @property {number} watchSeconds
 */

/**
 * All runs in their order: what matters most first, all rounds of it, kinds in turn; each round begins with
 * another kind.
 * @param {{ scenarios: string[], viewers: number[], kinds: string[], rounds: number, watchSeconds: number | null }} wanted
 * @returns {Run[]}
 */
export function runsOf(wanted) {
  const everywhere = ["vod", "live", "ladder", "ladder-mixed"];
  const most = Math.max(...wanted.viewers);
  const runs = [];
  for (const viewers of wanted.viewers.toSorted((a, b) => b - a)) {
    for (const scenario of wanted.scenarios) {
      // Few viewers are compared where they tell something that many do not.
      if (viewers !== most && !everywhere.includes(scenario)) continue;
      const watchSeconds = wanted.watchSeconds ?? scenarios[scenario]?.watchSeconds ?? 0;
      for (let round = 1; round <= wanted.rounds; round += 1) {
        for (let turn = 0; turn < wanted.kinds.length; turn += 1) {
          const kind = wanted.kinds[(turn + round - 1) % wanted.kinds.length] ?? "";
          runs.push({ scenario, viewers, kind, round, watchSeconds });
        }
      }
    }
  }
  return runs;
}

/** @param {Run} run */
export function secondsOf(run) {
  const apart = scenarios[run.scenario]?.apartSeconds ?? 0;
  return aroundSeconds + (run.viewers - 1) * apart + run.watchSeconds;
}

/** What makes two runs the same one. @param {Run & { commit: string }} run */
export const keyOf = ({ commit, scenario, viewers, kind, round, watchSeconds }) =>
  [commit, scenario, viewers, kind, round, watchSeconds].join(" ");
