// Prints what a page downloads of each entry (raw, gzip, brotli), with wasm and without the players, and
// holds it to size-budget.json.
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
const row = (name, numbers) => console.log(name.padEnd(32) + numbers.map(kilobytes).join(""));

console.log(`${"".padEnd(32)}       raw      gzip    brotli`);
/** A module and what it imports at once. */
const withImports = (name, found = new Set()) => {
  if (found.has(name)) return found;
  found.add(name);
  const text = readFileSync(join(out, name), "utf8");
  for (const [, imported] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g))
    withImports(imported, found);
  return found;
};

/** The files of a page, each of them told once, and together. */
const told = new Set();
const download = ({ page, entries, module }) => {
  const names = entries.flatMap((entry) => [...withImports(`${entry}.js`)]);
  const total = [0, 0, 0];
  for (const name of [...new Set([...names, module])].sort()) {
    const numbers = sizes(join(out, name));
    numbers.forEach((bytes, i) => {
      total[i] += bytes;
    });
    if (!told.has(name)) row(name, numbers);
    told.add(name);
  }
  row(`a page with ${page}`, total);
  return total[2];
};

for (const page of budget.pages) {
  const brotliBytes = download(page);
  if (brotliBytes > page.brotliBytesMax && flag !== "--no-budget") {
    const most = kilobytes(page.brotliBytesMax).trim();
    console.error(`${page.page}: over the budget of ${most} brotli`);
    process.exitCode = 1;
  }
}
