// Without a browser: importing and creating do nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { adapters, engines } from "./page.mjs";

test("import and createSwarm work without a DOM and do nothing", async () => {
  const { createSwarm } = await adapters();
  const swarm = createSwarm({ maxPeers: 3 });
  assert.equal(swarm.stats().state, "off");
  swarm.update({ maxPeers: 4 });
  swarm.destroy();
  swarm.destroy();
  assert.equal(engines.length, 0);
});
