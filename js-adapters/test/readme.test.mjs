// The package's README names every option as the one table has it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { adapters } from "./page.mjs";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** A default as a person writes it. */
function shown(value) {
  if (value === undefined) return "–";
  if (Array.isArray(value) && value[0]?.includes(":")) return "public ones";
  if (Array.isArray(value)) return `\`${JSON.stringify(value)}\``;
  return `\`${typeof value === "string" ? JSON.stringify(value) : value}\``;
}

test("every option stands in the README with its default, unit, range, code and liveness", async () => {
  const { OPTIONS } = await adapters();
  for (const [name, rule] of Object.entries(OPTIONS)) {
    const cells = [
      `\`${name}\``,
      shown(rule.default),
      rule.unit || "–",
      rule.range,
      `\`${rule.code}\``,
      rule.live ? "yes" : "no",
    ];
    const row = `| ${cells.join(" | ")} |`;
    assert.ok(readme.includes(row), `js-adapters/README.md lacks this row:\n${row}`);
  }
});
