// @ts-check
// Where a link leads is read from the browser's own statistics of the connection in use. On this machine that is
// loopback, which may have all links; the attack is a crowd behind one public network, told by one address
// changed in those statistics. What the engine makes of networks step by step is `tests/attacks`' business.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { hlsBuilds, Origin, startBrowser, Viewer } from "./harness.js";

/** @typedef {import("./pages/viewer.js").State} State */

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";
const limits = { skip, timeout: 120_000 };
/** A visitor may have so many links, and so many others are there; one network gets two of them. */
const maxPeers = 3;
const others = 4;

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  origin = await Origin.start({ "/media/ts": fixture("ts") });
  browser = await startBrowser();
  for (let at = 0; at < others; at += 1) await open({});
});

after(async () => {
  await browser?.close();
  await origin?.stop();
});

/** @param {Record<string, unknown>} config @param {(() => void) | null} [prepare] */
function open(config, prepare = null) {
  const swarm = { swarmId: "crowd", trackerUrls: [origin.trackerUrl], stunServers: [], ...config };
  const src = origin.at("/media/ts/index.m3u8");
  return Viewer.open(browser, origin, { src, hls: hlsBuilds["1.7"], swarm }, prepare);
}

/** In the page: statistics are the browser's, but for the address at the other end. */
function crowdBehindOneAddress() {
  const asked = { reports: 0, pairs: 0, addresses: /** @type {string[]} */ ([]) };
  Object.assign(window, { asked });
  const honestly = RTCPeerConnection.prototype.getStats;
  RTCPeerConnection.prototype.getStats = async function () {
    const report = await honestly.call(this);
    asked.reports += 1;
    const rows = new Map(/** @type {any} */ (report));
    for (const [id, row] of rows) {
      if (row.type === "transport" && row.selectedCandidatePairId) asked.pairs += 1;
      if (row.type !== "remote-candidate") continue;
      asked.addresses.push(row.address);
      rows.set(id, { ...row, address: "203.0.113.9" });
    }
    return /** @type {any} */ (rows);
  };
}

/** @param {State} state @param {string} reason */
const closedFor = ({ peers }, reason) => peers.filter((peer) => peer.reason === reason).length;

/** @param {State} state */
const links = ({ stats }) => stats?.peers.length ?? 0;

test("the twin: neighbours on one machine may have all links", limits, async () => {
  const visitor = await open({ maxPeers });
  try {
    const state = await visitor.until("has all its links", (seen) => links(seen) === maxPeers);
    assert.equal(closedFor(state, "same-network"), 0);
  } finally {
    await visitor.close();
  }
});

test("one network gets half of the links while others are to be had", limits, async (t) => {
  const visitor = await open({ maxPeers }, crowdBehindOneAddress);
  try {
    await visitor.until(
      "closed a link into the crowd's network",
      (state) => closedFor(state, "same-network") > 0,
    );
    const state = await visitor.until("keeps two", (seen) => links(seen) === 2);
    assert.deepEqual(
      state.peers.filter(
        ({ reason }) => reason && reason !== "same-network" && reason !== "duplicate",
      ),
      [],
    );
    const asked = await visitor.page.evaluate(() => Reflect.get(window, "asked"));
    t.diagnostic(`${asked.reports} reports, ${asked.pairs} selected pairs, ${asked.addresses}`);
    assert.ok(asked.pairs >= maxPeers, "the browser named the pair in use");
    assert.ok(
      asked.addresses.every((/** @type {string} */ at) => at),
      "and who is at its other end",
    );
  } finally {
    await visitor.close();
  }
});
