// @ts-check
// From the log to what people read: tables, what swarmline loses and wins, and a chart, written into
// docs/against.md between two marks. The words around them are written by hand; every figure is the log's.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../tests/browser/fixtures.js";
import { median } from "../measure.js";
import { chart, chartText } from "./chart.js";
import { kinds, scenarios } from "./matrix.js";
import { figure, rows } from "./rows.js";

/** @typedef {import("./log.js").Line} Line */
/** @typedef {{ title: string, scenario: string, viewers: number, lines: Line[] }} Block */
/** @typedef {{ name: string, title: string, shown: string, against: string, ahead: boolean }} Verdict */

const page = join(root, "docs", "against.md");
const picture = join(root, "docs", "against.svg");
const marks = ["<!-- made from the log -->", "<!-- end of what is made from the log -->"];

/** Differences below this share of a figure say nothing. */
const noise = 0.02;

/** One line a run, for whoever waits. @param {Line} line */
export function printFigures({ figures: f }) {
  const words = [
    `CDN ${(f.cdnBytes / 1e6).toFixed(1)} MB`,
    `${f.copies.toFixed(2)} copies`,
    `saving ${f.shareOfSaving === null ? "–" : (f.shareOfSaving * 100).toFixed(1)} %`,
    `${f.stalls} stalls`,
    `buffer ${f.bufferSeconds.toFixed(1)} s`,
    `first frame ${Math.round(f.firstFrameMs ?? 0)} ms`,
    `CPU ${f.cpuSeconds?.toFixed(1)} s (all else ${f.othersCpuSeconds?.toFixed(1)} s)`,
  ];
  console.log(`          ${words.join(", ")}`);
}

/** Writes page and chart. @param {Line[]} all @param {string | null} commit each table's newest, unless named */
export function writeReport(all, commit) {
  const lines = all.filter((line) => commit === null || line.commit === commit);
  if (lines.length === 0) throw new Error(`the log has no run of ${commit ?? "any commit"}`);
  const blocks = blocksOf(lines).map(newest);
  const text = readFileSync(page, "utf8");
  const [begin = "", end = ""] = marks;
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${page} has no «${begin}» … «${end}»`);
  const made = [about(blocks.flatMap((block) => block.lines)), ...chartPart(blocks), ...verdicts(blocks), ...blocks.flatMap(table)];
  const body = `${begin}\n\n${made.join("\n")}\n`;
  writeFileSync(page, text.slice(0, from) + body + text.slice(to));
  writeFileSync(picture, chart(blocks));
  console.log(`${page} and ${picture}: ${blocks.length} tables`);
}

/**
 * A table is of one commit's pages: the newest that was measured as often as any, so that a round under way does not
 * stand for three. Who measures a night's worth in parts gets tables of several commits, each with its name.
 * @param {Block} block
 * @returns {Block}
 */
function newest(block) {
  const fewest = (/** @type {Line[]} */ lines) => {
    const counts = Object.keys(kinds).map(
      (kind) => lines.filter((line) => line.kind === kind).length,
    );
    return Math.min(...counts.filter((count) => count > 0), Number.POSITIVE_INFINITY);
  };
  const commits = [...new Set(block.lines.map(({ commit }) => commit))];
  const versions = commits.map((commit) => block.lines.filter((line) => line.commit === commit));
  const kindsOf = (/** @type {Line[]} */ lines) => new Set(lines.map(({ kind }) => kind)).size;
  const most = Math.max(...versions.map(kindsOf));
  const whole = versions.filter((lines) => kindsOf(lines) === most);
  const rounds = Math.max(...whole.map(fewest));
  const lines = whole.findLast((lines) => fewest(lines) === rounds) ?? block.lines;
  return { ...block, lines };
}

/** @param {Line[]} lines @returns {Block[]} */
function blocksOf(lines) {
  /** @type {Map<string, Block>} */
  const blocks = new Map();
  for (const line of lines) {
    const { scenario, viewers, watchSeconds } = line;
    const key = `${scenario} ${viewers} ${watchSeconds}`;
    const known = scenarios[scenario];
    const watched = known?.watchSeconds === watchSeconds ? "" : `, ${watchSeconds} s`;
    const title = `${known?.title ?? scenario}, ${viewers} viewers${watched}`;
    const block = blocks.get(key) ?? { title, scenario, viewers, lines: [] };
    block.lines.push(line);
    blocks.set(key, block);
  }
  return [...blocks.values()];
}

/** @param {Line[]} lines */
function about(lines) {
  const last = lines.at(-1);
  const others = median(lines.flatMap(({ figures }) => figures.othersCpuSeconds ?? []));
  const memory = Math.round((last?.machine.memoryBytes ?? 0) / 2 ** 30);
  return [
    `${lines.length} runs; ${last?.machine.cores} cores, ${memory} GiB, Chromium ${last?.software.chromium}, hls.js`,
    `${last?.software.hls}, p2p-media-loader-hlsjs ${last?.software.incumbent}.`,
    `All else on the machine, origin and harness included, took ${others?.toFixed(0) ?? "?"} CPU seconds a run (median).`,
    "",
  ].join("\n");
}

/** When a table was measured, and what. @param {Line[]} lines */
function measuredAt(lines) {
  const dates = lines.map(({ date }) => date.slice(0, 10)).toSorted();
  const days = [...new Set([dates[0], dates.at(-1)])].join(" to ");
  return `${days}, commit \`${lines.at(-1)?.commit}\`.`;
}

/** @param {Block[]} blocks */
const chartPart = (blocks) => [`![${chartText(blocks)}](against.svg)`, ""];

/** What differs by more than chance, losses first. @param {Block[]} blocks */
function verdicts(blocks) {
  const all = blocks.flatMap(verdictsOf);
  const list = (/** @type {Verdict[]} */ found) => {
    const body = found.map(
      ({ title, name, shown, against }) => `| ${title} | ${name} | ${shown} | ${against} |`,
    );
    return ["| case | figure | swarmline | better than it |", "|---|---|---|---|", ...body, ""];
  };
  const behind = all.filter(({ ahead }) => !ahead);
  return [
    "### Where swarmline is behind",
    "",
    "Every figure in which another kind is better by more than 2 % and more than two plain runs differ.",
    "",
    ...(behind.length > 0 ? list(behind) : ["None in this log.", ""]),
    `It is ahead of p2p-media-loader, by the same measure, in ${all.length - behind.length} of the figures below.`,
    "",
  ];
}

/** @param {Block} block @returns {Verdict[]} */
function verdictsOf({ title, lines }) {
  const found = [];
  for (const row of rows) {
    const own = figure(row, lines, "swarmline");
    if (row.better === null || own === null) continue;
    const plain = figure(row, lines, "plain");
    const control = figure(row, lines, "control");
    const chance = plain !== null && control !== null ? Math.abs(plain - control) : 0;
    const better = [];
    let ahead = 0;
    for (const kind of ["plain", "incumbent", "window4", "tuned"]) {
      const other = figure(row, lines, kind);
      if (other === null) continue;
      const gain = row.better === "less" ? other - own : own - other;
      const counts = Math.abs(gain) > Math.max(chance, noise * Math.max(own, other));
      if (counts && gain < 0) better.push(`${kinds[kind]?.label}: ${row.show(other)}`);
      if (counts && gain > 0 && kind !== "plain") ahead += 1;
    }
    const base = { name: row.name, title, shown: row.show(own) };
    if (better.length > 0) found.push({ ...base, against: better.join("; "), ahead: false });
    else if (ahead > 0) found.push({ ...base, against: "", ahead: true });
  }
  return found;
}

/** @param {Block} block */
function table({ title, lines }) {
  const shown = Object.keys(kinds).filter((kind) => lines.some((line) => line.kind === kind));
  const rounds = shown.map((kind) => lines.filter((line) => line.kind === kind).length);
  const heads = shown.map((kind, at) => `${kinds[kind]?.label} (${rounds[at]})`);
  const floor = median(
    lines
      .filter(({ kind }) => kind === "plain")
      .map(({ figures }) => figures.floorBytes / figures.cdnBytes),
  );
  const body = rows.flatMap((row) => {
    const values = shown.map((kind) => figure(row, lines, kind));
    if (values.every((value) => value === null)) return [];
    const cells = values.map((value) => (value === null ? "–" : row.show(value)));
    return [`| ${row.name} | ${cells.join(" | ")} |`];
  });
  return [
    `### ${title}`,
    "",
    ...(floor === null
      ? [measuredAt(lines)]
      : [`${measuredAt(lines)} The floor is ${(floor * 100).toFixed(1)} % of plain's CDN bytes.`]),
    "",
    `| median of (runs) | ${heads.join(" | ")} |`,
    `|---|${shown.map(() => "---").join("|")}|`,
    ...body,
    "",
  ];
}
