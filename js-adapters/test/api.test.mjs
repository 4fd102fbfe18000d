// docs/api.md says what the package's types say now.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { apiPage } from "../api.mjs";

test("the API reference is made from the types as they are", () => {
  const page = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");
  const made = apiPage();
  for (const name of ["createSwarm", "attachHls", "attachShaka", "attachDash", "SwarmlinePlayer"]) {
    assert.match(made, new RegExp(`### ${name}\n`), name);
  }
  assert.ok(page === made, "docs/api.md is old: npm run api --workspace js-adapters");
});
