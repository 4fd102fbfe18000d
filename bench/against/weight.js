// @ts-check
// What a page downloads of a library: its scripts and modules, brotli at its best, each as it is shipped or
// minified by esbuild, whichever is smaller. hls.js itself counts apart, for every page has it.

import { readFileSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";
import { transformSync } from "esbuild";

/** @type {Map<string, number>} */
const known = new Map();

/** @param {string} file */
function brotliBytes(file) {
  const before = known.get(file);
  if (before !== undefined) return before;
  const bytes = readFileSync(file);
  const forms = [bytes];
  if (/\.m?js$/.test(file)) {
    const options = /** @type {const} */ ({ minify: true, format: "esm", target: "es2022" });
    forms.push(Buffer.from(transformSync(bytes.toString(), options).code));
  }
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  const size = Math.min(...forms.map((form) => brotliCompressSync(form, { params }).length));
  known.set(file, size);
  return size;
}

/**
 * Bytes beside hls.js.
 * @param {string[]} scripts paths of the origin
 * @param {Record<string, string>} folders path prefix → folder
 */
export function transferBytes(scripts, folders) {
  const files = [...new Set(scripts)]
    .filter((path) => !path.startsWith("/hls-"))
    .map((path) => {
      const prefix = Object.keys(folders).find((prefix) => path.startsWith(`${prefix}/`));
      if (prefix === undefined) throw new Error(`${path} is in no folder of the benchmark`);
      return `${folders[prefix]}${path.slice(prefix.length)}`;
    });
  return files.reduce((total, file) => total + brotliBytes(file), 0);
}
