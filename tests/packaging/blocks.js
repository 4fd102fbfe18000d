// The code that our pages for readers show: README, the package's README and the guides, block by block, and the
// addresses in it put to where a test has them. It judges nothing.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../browser/fixtures.js";

/** @typedef {{ file: string, line: number, language: string, code: string }} Block */

const guides = join("docs", "guides");
const pages = [
  "README.md",
  join("js-adapters", "README.md"),
  ...readdirSync(join(root, guides)).map((name) => join(guides, name)),
];

/** Every fenced block, in order. @returns {Block[]} */
export function blocks() {
  return pages.flatMap((file) => {
    const lines = readFileSync(join(root, file), "utf8").split("\n");
    const found = [];
    let open = null;
    for (const [at, line] of lines.entries()) {
      if (!line.startsWith("```")) open?.code.push(line);
      else if (open) open = null;
      else {
        open = { file, line: at + 1, language: line.slice(3), code: [] };
        found.push(open);
      }
    }
    return found.map((block) => ({ ...block, code: block.code.join("\n") }));
  });
}

/**
 * The one block of a page that says this.
 * @param {string} file
 * @param {string} words
 */
export function blockWith(file, words) {
  const found = blocks().filter((block) => block.file === file && block.code.includes(words));
  if (found.length !== 1) throw new Error(`${found.length} blocks of ${file} say «${words}»`);
  return found[0].code;
}

/**
 * With the addresses of a test in place of the examples.
 * @param {string} code
 * @param {Record<string, string>} addresses example → address, the longer ones first
 */
export function placed(code, addresses) {
  let put = code;
  for (const [example, address] of Object.entries(addresses)) {
    put = put.replaceAll(example, address);
    put = put.replaceAll(encodeURIComponent(example), encodeURIComponent(address));
  }
  const left = /[a-z]+:\/\/[a-z.]*\.example/.exec(put)?.[0];
  if (left) throw new Error(`${left} has no address here`);
  return put;
}
