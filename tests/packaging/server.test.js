// The packed package on a server: every entry is imported, and required, by plain Node, as a framework
// does that renders pages there. Nothing happens, and a swarm made there is off.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { before, test } from "node:test";
import { app, manifest, pack } from "./packed.js";

before(() => {
  pack();
});

/** Runs a module, or a script, beside the package; what it printed. */
const run = (type, code) =>
  execFileSync(process.execPath, [`--input-type=${type}`, "--no-warnings", "--eval", code], {
    cwd: app,
    encoding: "utf8",
  }).trim();

const scripts = () =>
  Object.entries(manifest().exports)
    .filter(([, entry]) => entry.default?.endsWith(".js"))
    .map(([name]) => name.replace(/^\./, "swarmline"));

test("every entry is imported by plain Node", () => {
  const names = scripts();
  assert.ok(names.includes("swarmline/player"), "the element is among them");
  for (const name of names) {
    assert.equal(run("module", `await import("${name}"); console.log("imported")`), "imported");
  }
});

test("every entry is required by plain Node", () => {
  for (const name of scripts()) {
    assert.equal(run("commonjs", `require("${name}"); console.log("required")`), "required");
  }
});

test("a swarm that is made on a server is off", () => {
  const code = `import { createSwarm } from "swarmline"; console.log(createSwarm().stats().state)`;
  assert.equal(run("module", code), "off");
});

test("the module is found under its name", () => {
  const code = `console.log(import.meta.resolve("swarmline/engine.wasm"))`;
  assert.match(run("module", code), /\/dist\/swarmline\.wasm$/);
});
