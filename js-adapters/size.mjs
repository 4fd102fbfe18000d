// Prints what a page downloads (raw, gzip, brotli) and holds it to size-budget.json.
// node size.mjs OUT [--no-budget]

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const [out = join(here, "dist"), flag] = process.argv.slice(2);
const budget = JSON.parse(readFileSync(join(here, "size-budget.json"), "utf8"));

const sizes = (path) => {
  const raw = readFileSync(path);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11 };
  return [
    raw.length,
    gzipSync(raw, { level: 9 }).length,
    brotliCompressSync(raw, { params }).length,
  ];
};
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(10);
const row = (name, numbers) => console.log(name.padEnd(24) + numbers.map(kilobytes).join(""));

console.log(`${"".padEnd(24)}       raw      gzip    brotli`);
/** A module and what it imports. */
const withImports = (name, found = new Set()) => {
  if (found.has(name)) return found;
  found.add(name);
  const text = readFileSync(join(out, name), "utf8");
  for (const [, imported] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g))
    withImports(imported, found);
  return found;
};

/** The files of one player's page, each and together. */
const download = ({ player, module }) => {
  const names = [...withImports("index.js"), ...withImports(`${player}.js`), module];
  const total = [0, 0, 0];
  for (const name of [...new Set(names)].sort()) {
    const numbers = sizes(join(out, name));
    numbers.forEach((bytes, i) => {
      total[i] += bytes;
    });
    row(name, numbers);
  }
  row(`a page with ${player}`, total);
  return total[2];
};

for (const page of budget.pages) {
  const brotliBytes = download(page);
  if (brotliBytes > page.brotliBytesMax && flag !== "--no-budget") {
    const most = kilobytes(page.brotliBytesMax).trim();
    console.error(`${page.player}: over the budget of ${most} brotli`);
    process.exitCode = 1;
  }
}
