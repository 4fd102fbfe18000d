// @ts-check
// The lines of the tables: what is shown of a run, how several rounds become one figure, and which way is
// better. Medians over rounds; what must never happen is a mean, for a median would hide it.

import { median, sum } from "../measure.js";
import { scenarios } from "./matrix.js";

/** @typedef {import("./log.js").Line} Line */
/** @typedef {import("./figures.js").Figures} Figures */
/**
 * @typedef {object} Row
 * @property {string} name
 * @property {(figures: Figures, plain: Figures | null) => number | null} of one run; `plain` is that round's
 * @property {(value: number) => string} show
 * @property {"less" | "more" | null} better
 * @property {boolean} [mean] over rounds, instead of the median
 * @property {boolean} [swarmsOnly] says nothing about a player alone
 * @property {"live" | "film" | "ladder"} [stream] elsewhere it says nothing
 */

const megabytes = (/** @type {number} */ bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const percent = (/** @type {number} */ share) => `${(share * 100).toFixed(1)} %`;
const milliseconds = (/** @type {number} */ ms) => `${Math.round(ms)} ms`;
const seconds = (/** @type {number} */ time) => `${time.toFixed(1)} s`;
const count = (/** @type {number} */ number) => String(Math.round(number * 100) / 100);

/** @param {number | null} part @param {number | null | undefined} whole */
const ratio = (part, whole) => (part === null || !whole ? null : part / whole);

/** Half of the summed differences: the share of time spent at another picture. @param {Figures} a @param {Figures | null} b */
function otherPicture(a, b) {
  if (!b) return null;
  const heights = new Set([...Object.keys(a.heights), ...Object.keys(b.heights)]);
  const apart = [...heights].map((at) => Math.abs((a.heights[at] ?? 0) - (b.heights[at] ?? 0)));
  return sum(apart) / 2;
}

/** @type {Row[]} */
export const rows = [
  { name: "CDN bytes, playlists included", of: (f) => f.cdnBytes, show: megabytes, better: "less" },
  {
    name: "CDN bytes, of plain's",
    of: (f, plain) => ratio(f.cdnBytes, plain?.cdnBytes),
    ...{ show: percent, better: null },
  },
  {
    name: "copies a segment",
    of: (f) => f.copies,
    show: (copies) => copies.toFixed(2),
    better: "less",
  },
  {
    name: "of the possible saving",
    of: (f) => f.shareOfSaving,
    ...{ show: percent, better: "more", swarmsOnly: true },
  },
  {
    name: "received in vain",
    of: (f) => f.redundancy,
    ...{ show: percent, better: "less", swarmsOnly: true },
  },
  { name: "stalls a run", of: (f) => f.stalls, show: count, better: "less", mean: true },
  { name: "stalled, a run", of: (f) => f.stallMs, show: milliseconds, better: "less", mean: true },
  {
    name: "viewers without a picture",
    of: (f) => f.pictureless,
    ...{ show: count, better: "less", mean: true },
  },
  { name: "fatal errors", of: (f) => f.fatalErrors, show: count, better: "less", mean: true },
  {
    name: "film watched",
    of: (f) => f.watchedSeconds,
    ...{ show: seconds, better: "more", stream: "film" },
  },
  { name: "buffer at the end", of: (f) => f.bufferSeconds, show: seconds, better: "more" },
  {
    name: "with what the library keeps ahead",
    of: (f) => f.heldSeconds,
    ...{ show: seconds, better: "more", swarmsOnly: true },
  },
  {
    name: "live latency",
    of: (f) => f.latencySeconds,
    ...{ show: seconds, better: "less", stream: "live" },
  },
  {
    name: "time at another picture than plain",
    of: otherPicture,
    ...{ show: percent, better: "less", stream: "ladder" },
  },
  {
    name: "mean picture height",
    of: (f) => sum(Object.entries(f.heights).map(([height, share]) => Number(height) * share)),
    ...{ show: count, better: null, stream: "ladder" },
  },
  {
    name: "first frame",
    of: (f) => f.firstFrameMs,
    ...{ show: milliseconds, better: "less" },
  },
  {
    name: "first peer",
    of: (f) => f.firstPeerMs,
    ...{ show: milliseconds, better: "less", swarmsOnly: true },
  },
  {
    name: "CPU of the whole browser",
    of: (f) => f.cpuSeconds,
    ...{ show: seconds, better: "less" },
  },
  {
    name: "CPU, of plain's",
    of: (f, plain) => ratio(f.cpuSeconds, plain?.cpuSeconds),
    ...{ show: percent, better: null },
  },
  {
    name: "CPU beyond plain, a GB from peers",
    of: (f, plain) =>
      plain?.cpuSeconds && f.cpuSeconds && f.fromPeersBytes > 1e6
        ? ((f.cpuSeconds - plain.cpuSeconds) / f.fromPeersBytes) * 1e9
        : null,
    ...{ show: seconds, better: null, swarmsOnly: true },
  },
  {
    name: "tasks over 50 ms",
    of: (f) => f.longTasks,
    ...{ show: count, better: "less" },
  },
  {
    name: "JS and wasm memory of a page",
    of: (f) => f.pageBytes,
    ...{ show: megabytes, better: "less" },
  },
  {
    name: "memory of all browser processes",
    of: (f) => f.browserBytes,
    ...{ show: megabytes, better: "less" },
  },
  {
    name: "download beside hls.js, brotli",
    of: (f) => f.transferBytes,
    ...{ show: (bytes) => `${(bytes / 1000).toFixed(1)} kB`, better: "less" },
  },
];

/**
 * The figure of one kind in one block: `null` where it says nothing.
 * @param {Row} row
 * @param {Line[]} lines of the block, all kinds
 * @param {string} kind
 */
export function figure(row, lines, kind) {
  const stream = scenarios[lines[0]?.scenario ?? ""]?.stream;
  if (row.stream !== undefined && row.stream !== stream) return null;
  if (row.swarmsOnly && (kind === "plain" || kind === "control")) return null;
  const own = lines.filter((line) => line.kind === kind);
  const values = own.flatMap((line) => {
    const plain = lines.find((other) => other.kind === "plain" && other.round === line.round);
    const value = row.of(line.figures, plain?.figures ?? null);
    return value === null || Number.isNaN(value) ? [] : [value];
  });
  if (values.length === 0) return null;
  return row.mean ? sum(values) / values.length : median(values);
}
