// @ts-check
// The package with a compressed copy beside each file, as web servers hand it out: the engine comes while the
// first segment does, over the same link.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { root } from "../tests/browser/fixtures.js";

/** Where the package's scripts and modules are built. */
export const dist = join(root, "js-adapters", "dist");

let made = "";

/** The folder, written once a process. */
export function packed() {
  if (made !== "") return made;
  const folder = join(root, "target", "packed");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(dist)) {
    if (!/\.(js|wasm)$/.test(name)) continue;
    const bytes = readFileSync(join(dist, name));
    writeFileSync(join(folder, name), bytes);
    writeFileSync(join(folder, `${name}.br`), brotliCompressSync(bytes));
  }
  made = folder;
  return folder;
}
