// The package as npm would publish it: packed, and unpacked where the pages of these tests find it under
// its name. Players come from the workspace, as a page brings its own. It judges nothing.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../browser/fixtures.js";

const here = dirname(fileURLToPath(import.meta.url));

/** Where everything is made. */
export const work = join(root, "target", "packaging");

/** The pages' sources, with the unpacked package beside them. */
export const app = join(work, "app");

/** The unpacked package. */
export const unpacked = join(app, "node_modules", "swarmline");

/** Packs and unpacks; returns the tarball's path. */
export function pack() {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(unpacked, { recursive: true });
  const told = execFileSync("npm", ["pack", "--json", "--pack-destination", work], {
    cwd: join(root, "js-adapters"),
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const tarball = join(work, Object.values(JSON.parse(told))[0].filename);
  execFileSync("tar", ["-xzf", tarball, "-C", unpacked, "--strip-components=1"]);
  cpSync(join(here, "app"), app, { recursive: true });
  return tarball;
}

/** What the package says of itself. */
export const manifest = () => JSON.parse(readFileSync(join(unpacked, "package.json"), "utf8"));
