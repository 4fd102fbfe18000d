// @ts-check
// Two browsers in homes of their own, behind NATs that Linux makes: who can meet does, who cannot does not but
// through TURN, and a line that was cut and healed is used again, while nobody who watches stands still. A few
// pairs; `cargo xtask bench networks` has all of them. Skipped where network namespaces are not permitted.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { whyNot } from "../../bench/networks/world.js";
import { hasFfmpeg, root } from "./fixtures.js";

const skip = hasFfmpeg ? (whyNot() ?? false) : "no ffmpeg to make the fixtures";

test("homes behind NATs: as theory has it, and healed lines", {
  skip,
  timeout: 540_000,
}, async (t) => {
  const script = join(root, "bench", "networks.js");
  const { stdout } = await promisify(execFile)(process.execPath, [script, "--quick", "--json"]);
  const { meetings, healings, sixes, wrong } = JSON.parse(stdout);
  t.diagnostic(JSON.stringify({ meetings, healings, sixes }));
  assert.equal(meetings.length, 3);
  assert.deepEqual(wrong, []);
  assert.equal(healings.length, 3);
  for (const { cut, backMs, isFed, stalls } of healings) {
    assert.ok(backMs !== null, `${cut}: linked again`);
    assert.ok(isFed, `${cut}: fed again`);
    // Without its own network no player goes on.
    if (cut !== "own") assert.equal(stalls, 0, cut);
  }
  assert.equal(sixes.length, 2);
  for (const { only, shareMs } of sixes) assert.ok(shareMs !== null, `IPv6, alone: ${only}`);
});
