// The players that the package asks for are those it is tested with: each range begins at the oldest minor version
// that the contract's rows run against, and ends behind the newest.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

const { peerDependencies } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
);
const require = createRequire(import.meta.url);
/** Not every player exports its package.json; it stands above the file that it does export. */
function versionOf(name) {
  const path = require.resolve(name);
  const folder = path.slice(0, path.lastIndexOf(`/${name}/`) + name.length + 2);
  const { version } = JSON.parse(readFileSync(`${folder}package.json`, "utf8"));
  return version.split(".").map(Number);
}

/** Player → what of it the rows run against, oldest first. */
const tested = {
  "hls.js": ["hls.js-1.5", "hls.js-1.6", "hls.js"],
  "shaka-player": ["shaka-player-4.16", "shaka-player"],
  dashjs: ["dashjs"],
};

test("ranges of players are held by the rows", () => {
  assert.deepEqual(Object.keys(peerDependencies).sort(), Object.keys(tested).sort());
  for (const [player, builds] of Object.entries(tested)) {
    const versions = builds.map(versionOf);
    const [, from, to] = /^>=([\d.]+) <([\d.]+)$/.exec(peerDependencies[player]);
    const [oldest, newest] = [versions[0], versions.at(-1)];
    assert.deepEqual(from.split(".").map(Number).slice(0, 2), oldest.slice(0, 2), player);
    assert.deepEqual(to.split(".").map(Number), [newest[0], newest[1] + 1, 0], player);
  }
});
