// @ts-check
// The log of runs: one JSON line each, only ever appended. What a run was made of is its key; a line that
// was cut off by a stop is passed over.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { root } from "../../tests/browser/fixtures.js";

/** @typedef {import("./matrix.js").Run} Run */
/** @typedef {import("./figures.js").Figures} Figures */
/**
 * @typedef {Run & {
 *   v: 1, commit: string, date: string,
 *   machine: { cores: number, memoryBytes: number, system: string },
 *   software: { chromium: string, hls: string, incumbent: string },
 *   figures: Figures,
 * }} Line
 */

/** @param {string} path @returns {Line[]} */
export function readLog(path) {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((text) => {
      try {
        const line = JSON.parse(text);
        return line.v === 1 ? [line] : [];
      } catch {
        return [];
      }
    });
}

/** @param {string} path @param {Line} line */
export function appendLog(path, line) {
  mkdirSync(dirname(path), { recursive: true });
  appendFileSync(path, `${JSON.stringify(line)}\n`);
}

/** What a measured page is made of, and what counts; the tracker beside it only brings its viewers together, and
 * how figures are shown changes none. */
const measured = [
  ...["base", "wire", "manifest", "integrity", "engine", "browser"].map((room) => `src/${room}`),
  ...["src/lib.rs", "js-adapters", ".cargo", ":!js-adapters/test", ":!*.md"],
  ...["figures", "matrix", "processes", "run", "weight"].map((file) => `bench/against/${file}.js`),
  ...["against.js", "incumbent", "pages/against.js", "pages/links.js"].map(
    (file) => `bench/${file}`,
  ),
  ...["packed.js", "processor.js", "streams.js"].map((file) => `bench/${file}`),
];

/** The newest commit of what is measured; what differs from it is named, too, by its hash. */
export function commitId() {
  const git = (/** @type {string[]} */ ...args) =>
    execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 28 }).trim();
  const changes = git("diff", "HEAD", "--", ...measured);
  const short = git("log", "-1", "--format=%h", "--abbrev=12", "--", ...measured);
  if (changes === "") return short;
  return `${short}+${createHash("sha256").update(changes).digest("hex").slice(0, 6)}`;
}
