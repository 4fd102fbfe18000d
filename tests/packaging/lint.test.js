// publint and are-the-types-wrong on the tarball, and what must not be in it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { manifest, pack, unpacked } from "./packed.js";

let tarball = "";

before(() => {
  tarball = pack();
});

test("publint finds nothing", async () => {
  const { messages } = await publint({ pkgDir: unpacked, pack: false, strict: true });
  assert.deepEqual(
    messages.map((message) => formatMessage(message, manifest(), { color: false })),
    [],
  );
});

test("the types are right for bundlers, and for Node's import and require", async () => {
  const analysis = await checkPackage(createPackageFromTarballData(readFileSync(tarball)), {
    // Not code, so no types of code; and a page to be framed.
    excludeEntrypoints: [
      "./engine.wasm",
      "./engine-dash.wasm",
      "./engine-disk.wasm",
      "./embed/*",
      "./package.json",
    ],
  });
  assert.ok(analysis.types, "the package has types");
  // One kind of module is shipped on purpose: require() of it works from Node 20.19 on. Resolution from
  // before `exports` (`node10`) sees the main entry only.
  const meant = ["CJSResolvesToESM"];
  const wrong = analysis.problems.filter(
    ({ kind, resolutionKind }) => !meant.includes(kind) && resolutionKind !== "node10",
  );
  assert.deepEqual(wrong, []);
});

test("nothing is installed with it, and players are asked for by range", () => {
  const { dependencies, peerDependencies, peerDependenciesMeta } = manifest();
  assert.equal(dependencies, undefined);
  assert.deepEqual(Object.keys(peerDependencies).sort(), Object.keys(peerDependenciesMeta).sort());
  for (const { optional } of Object.values(peerDependenciesMeta)) assert.equal(optional, true);
});
