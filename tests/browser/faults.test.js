// @ts-check
// What must not hurt anybody: the tracker, the origin or every peer gone; a playlist nobody can map; a
// segment the CDN lacks, refuses or damages; a browser without WebRTC. Each is compared with what the
// player alone would have seen.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { hlsBuilds, mediaOf, Origin, startBrowser, Viewer, wrongFragment } from "./harness.js";

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";
const limits = { skip, timeout: 120_000 };

/** A player that reads a little ahead only, so that something is left to fetch when a fault strikes. */
const shortBuffer = { maxBufferLength: 4, maxMaxBufferLength: 4 };

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {string} */
let odd;

before(async () => {
  if (skip) return;
  odd = mkdtempSync(join(tmpdir(), "swarmline-odd-"));
  const playlist = readFileSync(join(fixture("ts"), "index.m3u8"), "utf8").replaceAll(
    /^index/gm,
    "../ts/index",
  );
  writeFileSync(join(odd, "gone.m3u8"), playlist.replace("index5.ts", "gone.ts"));
  const define = '#EXTM3U\n#EXT-X-DEFINE:NAME="folder",VALUE="../ts"';
  writeFileSync(
    join(odd, "variables.m3u8"),
    playlist.replace("#EXTM3U", define).replaceAll("../ts/", "{$folder}/"),
  );
  origin = await Origin.start({ "/media/ts": fixture("ts"), "/media/odd": odd });
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await origin?.stop();
  if (odd) rmSync(odd, { recursive: true });
});

/**
 * @param {{ path?: string, swarm?: boolean, player?: Record<string, unknown> }} [wish]
 * @param {(() => void) | null} [prepare]
 */
function open({ path = "/media/ts/index.m3u8", swarm = true, player } = {}, prepare = null) {
  const config = swarm ? { trackerUrls: [origin.trackerUrl], stunServers: [] } : null;
  const options = {
    src: origin.at(path),
    hls: hlsBuilds["1.7"],
    swarm: config,
    ...(player ? { player } : {}),
  };
  return Viewer.open(browser, origin, options, prepare);
}

/** Two viewers with a link between them: the first holds the whole stream, the second a little of it. */
async function linkedPair(firstPlayer = {}) {
  await origin.reset();
  const first = await open({ player: firstPlayer });
  await first.until("buffered something", (state) => state.bufferedEnd > 1);
  if (!("maxBufferLength" in firstPlayer)) await first.untilWholeStream();
  const second = await open({ player: shortBuffer });
  await second.until("was fed by the first", (state) => (state.stats?.peerBytes ?? 0) > 0);
  return { first, second };
}

/** Plays to the end of the stream, faster than life. @param {Viewer} viewer */
async function playToEnd(viewer) {
  await viewer.tell("speed", 3);
  const state = await viewer.untilWholeStream();
  assert.deepEqual(
    state.errors.filter((error) => error.fatal),
    [],
  );
  assert.equal(wrongFragment(state, fixture("ts")), undefined);
  return state;
}

/** @param {Viewer[]} viewers */
const close = (...viewers) => Promise.all(viewers.map((viewer) => viewer.close()));

test("the tracker goes: playback and sharing go on", limits, async () => {
  const { first, second } = await linkedPair(shortBuffer);
  await origin.tracker(false);
  try {
    const fed = (await second.state()).stats?.peerBytes ?? 0;
    const [, end] = await Promise.all([playToEnd(first), playToEnd(second)]);
    assert.ok((end.stats?.peerBytes ?? 0) > fed, "the link outlived the tracker");
  } finally {
    await origin.tracker(true);
    await close(first, second);
  }
});

/** What a viewer says of itself. @param {Viewer} viewer */
async function diagnosis(viewer) {
  const { code, text, ice } = await viewer.tell("diagnose");
  assert.ok(text.startsWith(`${code}: `));
  assert.ok(ice.types.host > 0, text);
  return code;
}

test("why is there no P2P: a viewer knows", limits, async () => {
  await origin.reset();
  await origin.tracker(false);
  const first = await open({ player: shortBuffer });
  try {
    await first.until("plays", (state) => state.bufferedEnd > 1);
    assert.equal(await diagnosis(first), "tracker-unreachable");
  } finally {
    await origin.tracker(true);
  }
  const found = (/** @type {import("./pages/viewer.js").State} */ { stats }) =>
    stats?.trackers[0]?.state === "open" && stats.swarmSize > 0;
  await first.until("found the tracker", found);
  assert.equal(await diagnosis(first), "alone");
  const second = await open({ player: shortBuffer });
  const fed = (/** @type {import("./pages/viewer.js").State} */ { stats }) =>
    (stats?.peerBytes ?? 0) > 0;
  await Promise.race([first.until("was fed", fed), second.until("was fed", fed)]);
  assert.deepEqual([await diagnosis(first), await diagnosis(second)], ["sharing", "sharing"]);
  await close(first, second);
});

test("the origin goes: who has a peer with the segments sees the rest", limits, async () => {
  const { first, second } = await linkedPair();
  await origin.fault("down", "/media/");
  try {
    const before = mediaOf(await origin.files()).bytes;
    const end = await playToEnd(second);
    assert.equal(mediaOf(await origin.files()).bytes, before, "the origin sent nothing");
    assert.ok(end.stats && end.stats.peerBytes > 0);
  } finally {
    await origin.fault("none", "/media/");
    await close(first, second);
  }
});

test("every peer goes: the CDN carries on", limits, async () => {
  const { first, second } = await linkedPair();
  await first.close();
  const before = mediaOf(await origin.files()).bytes;
  const end = await playToEnd(second);
  assert.ok(mediaOf(await origin.files()).bytes > before, "what no peer has comes from the CDN");
  assert.ok(end.stats && end.stats.cdnBytes > 0);
  await second.close();
});

test("a playlist we cannot map: played as alone, and one warning", limits, async () => {
  await origin.reset();
  const viewers = [
    await open({ path: "/media/odd/variables.m3u8" }),
    await open({ path: "/media/odd/variables.m3u8" }),
  ];
  for (const viewer of viewers) {
    const state = await viewer.untilWholeStream();
    assert.deepEqual(
      state.warnings.map(({ code }) => code),
      ["manifest-unreadable"],
    );
    assert.deepEqual(
      state.errors.filter((error) => error.fatal),
      [],
    );
  }
  const { files } = mediaOf(await origin.files());
  assert.ok(
    Object.values(files).every(({ requests }) => requests === 2),
    "as two plain viewers",
  );
  await close(...viewers);
});

test("a segment the CDN lacks: the error that plain hls.js shows", limits, async () => {
  const errors = await Promise.all(
    [false, true].map((swarm) => firstLoadError({ path: "/media/odd/gone.m3u8", swarm })),
  );
  assert.equal(errors[0]?.code, 404);
  assert.deepEqual(errors[1], errors[0]);
});

test("a segment the CDN refuses: the error that plain hls.js shows", limits, async () => {
  await origin.fault("503", "/media/ts/index5.ts");
  try {
    const errors = await Promise.all([false, true].map((swarm) => firstLoadError({ swarm })));
    assert.equal(errors[0]?.code, 503);
    assert.deepEqual(errors[1], errors[0]);
  } finally {
    await origin.fault("none", "/media/ts/index5.ts");
  }
});

/** @param {{ path?: string, swarm?: boolean }} wish */
async function firstLoadError(wish) {
  const viewer = await open(wish);
  const state = await viewer.until("saw an error", ({ errors }) =>
    errors.some((error) => error.details === "fragLoadError"),
  );
  await viewer.close();
  return state.errors.find((error) => error.details === "fragLoadError");
}

test(
  "a segment the CDN damages: played as alone, shared with nobody, told once",
  limits,
  async () => {
    await origin.reset();
    await origin.fault("corrupt", "/media/ts/index5.ts");
    try {
      const plain = await open({ swarm: false });
      const damaged = await fragmentNamed(plain, "index5.ts");
      await origin.reset();
      const first = await open();
      const second = await open();
      for (const viewer of [first, second]) {
        assert.equal(
          (await fragmentNamed(viewer, "index5.ts")).sha256,
          damaged.sha256,
          "the CDN's bytes, whole",
        );
      }
      const files = await origin.files();
      assert.equal(files["/media/ts/index5.ts"]?.requests, 2, "each asked the CDN, none the other");
      const { warnings } = await first.state();
      assert.deepEqual(
        warnings.map(({ code }) => code),
        ["cdn-mismatch"],
      );
      await close(plain, first, second);
    } finally {
      await origin.fault("none", "/media/ts/index5.ts");
    }
  },
);

/** @param {Viewer} viewer @param {string} name */
async function fragmentNamed(viewer, name) {
  const isIt = (/** @type {{ url: string, sha256: string }} */ { url, sha256 }) =>
    url.endsWith(name) && sha256 !== "";
  const state = await viewer.until(`got ${name}`, ({ fragments }) => fragments.some(isIt));
  const fragment = state.fragments.find(isIt);
  assert.ok(fragment);
  return fragment;
}

test("no WebRTC: the CDN alone, and one event", limits, async () => {
  await origin.reset();
  const viewers = [];
  for (let count = 0; count < 2; count += 1) {
    viewers.push(await open({}, () => Reflect.deleteProperty(window, "RTCPeerConnection")));
  }
  for (const viewer of viewers) {
    const state = await viewer.untilWholeStream();
    assert.deepEqual(
      state.warnings.map(({ code }) => code),
      ["no-webrtc"],
    );
    assert.deepEqual(
      state.errors.filter((error) => error.fatal),
      [],
    );
    assert.equal(state.stats?.peerBytes, 0);
  }
  const { files } = mediaOf(await origin.files());
  assert.ok(
    Object.values(files).every(({ requests }) => requests === 2),
    "as two plain viewers",
  );
  await close(...viewers);
});
