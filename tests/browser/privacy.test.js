// @ts-check
// `privacy: "relay"`: what a viewer shows to trackers and peers has no address of its own, and it shares all the
// same, through a TURN server. Read in what its page sends to the tracker, offers and answers and late
// candidates. The twin shows its own. Skipped where there is no coturn.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { hasCoturn, host, startCoturn } from "./coturn.js";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { hlsBuilds, Origin, startBrowser, Viewer, wrongFragment } from "./harness.js";
import { countWhatLeaves, told } from "./wire.js";

const why = hasFfmpeg
  ? "no turnserver here (Debian: apt-get install coturn)"
  : "no ffmpeg to make the fixtures";
const limits = { skip: hasFfmpeg && hasCoturn ? false : why, timeout: 120_000 };

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof startCoturn>>} */
let coturn;

before(async () => {
  if (limits.skip) return;
  coturn = await startCoturn();
  origin = await Origin.start({ "/media/ts": fixture("ts") });
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await origin?.stop();
  coturn?.stop();
});

/** @param {string} swarmId @param {string} privacy */
function open(swarmId, privacy) {
  const swarm = {
    ...{ swarmId, privacy, trackerUrls: [origin.trackerUrl], stunServers: [] },
    turnServers: [coturn.server],
  };
  const src = origin.at("/media/ts/index.m3u8");
  const player = { maxBufferLength: 4, maxMaxBufferLength: 4 };
  return Viewer.open(
    browser,
    origin,
    { src, hls: hlsBuilds["1.7"], swarm, player },
    countWhatLeaves,
  );
}

/** Candidates that a viewer's page told anybody. @param {Viewer} viewer */
async function candidates(viewer) {
  const { descriptions } = await told(viewer);
  return descriptions.flatMap((text) => text.match(/candidate:(?:(?!\\r\\n|").)+/g) ?? []);
}

/** Two viewers who share; what each of them showed. @param {string} privacy */
async function share(privacy) {
  const pair = [await open(privacy, privacy), await open(privacy, privacy)];
  try {
    const fed = (/** @type {import("./pages/viewer.js").State} */ { stats }) =>
      (stats?.peerBytes ?? 0) > 0;
    await Promise.race(pair.map((viewer) => viewer.until("was fed by the other", fed, 90_000)));
    for (const viewer of pair) {
      assert.equal(wrongFragment(await viewer.state(), fixture("ts")), undefined);
    }
    return (await Promise.all(pair.map(candidates))).flat();
  } finally {
    await Promise.all(pair.map((viewer) => viewer.close()));
  }
}

test("relayed viewers share, and show no address of theirs", limits, async (t) => {
  const shown = await share("relay");
  t.diagnostic(`${shown.length} candidates, such as ${shown[0]}`);
  assert.ok(shown.length > 0);
  for (const candidate of shown) {
    assert.match(candidate, / typ relay /);
    // The relay's own address is this machine's here; whose it stands for must not be told.
    assert.match(candidate, / raddr 0\.0\.0\.0 rport 0\b/);
  }
});

test("the twin: others show theirs", limits, async () => {
  const shown = await share("direct");
  assert.ok(shown.some((candidate) => / typ host/.test(candidate) && candidate.includes(host)));
});
