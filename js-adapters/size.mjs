// Prints what a page downloads (raw, gzip, brotli) and holds it to size-budget.json.
// node size.mjs OUT [--no-budget]

import { readdirSync, readFileSync } from "node:fs";
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
const parts = readdirSync(out).filter((name) => /\.(js|wasm)$/.test(name));
const total = [0, 0, 0];
for (const name of parts.sort()) {
  const numbers = sizes(join(out, name));
  numbers.forEach((bytes, i) => {
    total[i] += bytes;
  });
  row(name, numbers);
}
row("total", total);
if (total[2] > budget.brotliBytesMax && flag !== "--no-budget") {
  console.error(`over the budget of ${kilobytes(budget.brotliBytesMax).trim()} brotli`);
  process.exitCode = 1;
}
