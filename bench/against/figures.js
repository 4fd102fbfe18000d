// @ts-check
// Figures of one run from what the origin counted, what each page saw from outside, and what the system
// counted for the browser. What a library says of itself stands apart and decides nothing.

import { allBytes, mediaOf } from "../../tests/browser/harness.js";
import { median, sum } from "../measure.js";
import { segmentSeconds } from "../streams.js";

/** @typedef {import("../pages/against.js").State} State */
/** @typedef {ReturnType<typeof figuresOf> & System} Figures */
/**
 * @typedef {object} System
 * @property {number | null} cpuSeconds of the whole browser, from before the first join to the last look
 * @property {number | null} othersCpuSeconds of everything else on the machine meanwhile, origin and harness included
 * @property {number | null} browserBytes memory of all its processes
 * @property {number} pageBytes JS heap, array buffers and wasm of a page after a collection, mean
 * @property {number} transferBytes what a page downloads beside hls.js
 */

/** Where less can be saved at all, of what players are handed, a share of it says nothing. */
const savingShareMin = 0.1;

/** @param {string} url */
const nameOf = (url) => new URL(url).pathname.replace(/^\/unsigned/, "");

/** Bytes by name; what came twice stands once, and an empty copy does not hide a whole one. @param {{ url: string, bytes: number }[]} segments */
function unique(segments) {
  /** @type {Map<string, number>} */
  const sizes = new Map();
  for (const { url, bytes } of segments) {
    const name = nameOf(url);
    sizes.set(name, Math.max(bytes, sizes.get(name) ?? 0));
  }
  return sizes;
}

/** @param {Map<string, number>} sizes */
const total = (sizes) => sum([...sizes.values()]);

/** @param {number[]} values */
const mean = (values) => sum(values) / Math.max(1, values.length);

/** Segments that a viewer has whole, handed over or not. @param {State} state */
const held = ({ fragments, own }) => [...fragments, ...own.held];

/** Segments that a library which names none has whole beyond what it handed over; of those it handed over, some may be gone. @param {State} state */
const keptAhead = ({ fragments, own }) =>
  own.kept === undefined ? 0 : Math.max(0, own.kept - unique(fragments).size);

/** Bytes of whole segments that a viewer has, played or kept for later. @param {State} state */
function usefulBytes(state) {
  const named = unique(held(state));
  return total(named) + (keptAhead(state) * total(named)) / Math.max(1, named.size);
}

/** Segments in a row that the library keeps behind the last one it handed over. @param {State} state */
function keptBeyond(state) {
  const { fragments, own } = state;
  if (own.kept !== undefined) return keptAhead(state);
  const place = (/** @type {string} */ url) => nameOf(url).match(/^(.*?)(\d+)\.\w+$/);
  const [, stem, last] = place(fragments.at(-1)?.url ?? "https://none.invalid/") ?? [];
  if (last === undefined) return 0;
  const kept = new Set(
    own.held.flatMap(({ url }) => {
      const [, itsStem, number] = place(url) ?? [];
      return itsStem === stem ? [Number(number)] : [];
    }),
  );
  let next = Number(last) + 1;
  while (kept.has(next)) next += 1;
  return next - Number(last) - 1;
}

/** @param {State[]} states @param {import("../../tests/browser/harness.js").Files} files */
export function figuresOf(states, files) {
  const media = mediaOf(files);
  const watched = total(unique(states.flatMap(({ fragments }) => fragments)));
  const delivered = sum(states.map(({ fragments }) => total(unique(fragments))));
  const firsts = sum(states.slice(1).map(({ fragments }) => fragments[0]?.bytes ?? 0));
  const floorBytes = watched + firsts;
  const fromPeers = sum(states.map(({ receivedBytes }) => receivedBytes));
  const received = media.bytes + fromPeers;
  const stallsMs = states.map(({ stalls, stalledMs }) => [
    ...stalls.map(({ ms }) => ms),
    ...(stalledMs > 0 ? [stalledMs] : []),
  ]);
  const frames = states.flatMap(({ firstFrameMs }) =>
    firstFrameMs === null ? [] : [firstFrameMs],
  );
  const peers = states
    .slice(1)
    .flatMap(({ firstPeerMs }) => (firstPeerMs === null ? [] : [firstPeerMs]));
  return {
    cdnBytes: allBytes(files),
    mediaBytes: media.bytes,
    /** Of what anybody has, watched or not. */
    copies: media.bytes / total(unique(states.flatMap(held))),
    floorBytes,
    /** Of the bytes that need not come from the CDN, those that did not; null where hardly any need not. */
    shareOfSaving:
      delivered - floorBytes > savingShareMin * delivered
        ? (delivered - media.bytes) / (delivered - floorBytes)
        : null,
    deliveredBytes: delivered,
    emptySegments: states.flatMap(({ fragments }) => fragments).filter(({ bytes }) => bytes === 0)
      .length,
    fromPeersBytes: fromPeers,
    /** Of all that was received over HTTP and over links, what made no whole segment of its viewer. */
    redundancy: 1 - sum(states.map(usefulBytes)) / received,
    stalls: sum(stallsMs.map(({ length }) => length)),
    stallMs: sum(stallsMs.flat()),
    stalledViewers: stallsMs.filter(({ length }) => length > 0).length,
    watchedSeconds: mean(states.map(({ currentTime }) => currentTime)),
    bufferSeconds: mean(states.map(({ ahead }) => ahead)),
    /** And what the library itself keeps, without a gap, beyond what the player was handed. */
    heldSeconds: mean(states.map((state) => state.ahead + keptBeyond(state) * segmentSeconds)),
    latencySeconds: mean(states.map(({ latency }) => latency)),
    firstFrameMs: median(frames),
    pictureless: states.length - frames.length,
    firstPeerMs: median(peers),
    /** Of viewers beyond the first, those that never had a link. */
    peerless: states.length - 1 - peers.length,
    heights: heightsOf(states),
    errors: sum(states.map(({ errors }) => errors.length)),
    fatalErrors: sum(states.map(({ errors }) => errors.filter(({ fatal }) => fatal).length)),
    longTasks: sum(states.map(({ longTasks }) => longTasks)),
    longTaskMs: sum(states.map(({ longTaskMs }) => longTaskMs)),
    viewers: states.map(viewerOf),
  };
}

/** Shares of the time in which pictures of each height stood there. @param {State[]} states */
function heightsOf(states) {
  /** @type {Record<string, number>} */
  const seconds = {};
  for (const [height, count] of states.flatMap(({ heights }) => Object.entries(heights))) {
    seconds[height] = (seconds[height] ?? 0) + count;
  }
  const all = Math.max(1, sum(Object.values(seconds)));
  return Object.fromEntries(
    Object.entries(seconds).map(([height, count]) => [height, count / all]),
  );
}

/** What is kept of one viewer, to look closer at a run. @param {State} state */
function viewerOf(state) {
  const { own, fragments } = state;
  const { held, complaints, ...said } = own;
  return {
    seconds: state.currentTime,
    ended: state.ended,
    ahead: state.ahead,
    latency: state.latency,
    firstFrameMs: state.firstFrameMs,
    firstPeerMs: state.firstPeerMs,
    stalls: state.stalls.map(({ ms }) => ms),
    segments: fragments.length,
    bytes: total(unique(fragments)),
    receivedBytes: state.receivedBytes,
    sentBytes: state.sentBytes,
    linksOpened: state.linksOpened,
    heights: state.heights,
    longTasks: state.longTasks,
    errors: state.errors
      .map(({ details, fatal }) => (fatal ? `${details}!` : details))
      .slice(0, 20),
    own: { ...said, held: held.length, complaints: complaints.slice(0, 20) },
  };
}
