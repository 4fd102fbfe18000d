// @ts-check
// Shaka Player in real pages: viewers feed each other and viewers with hls.js; what we put into the page's
// one scheme registry goes away again; errors are those that Shaka alone would see. The verdict is the
// origin's own count of bytes, and every segment is compared with the file it should be.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { mediaOf, Origin, shakaBuilds, startBrowser, Viewer } from "./harness.js";
import { assertFed, optionsOf, watchInTurn } from "./players.js";

const streams = ["ts", "cmaf", "ranges", "aes", "discontinuity"];
const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Viewer[]} */
const opened = [];

before(async () => {
  if (skip) return;
  origin = await Origin.start(
    Object.fromEntries(streams.map((name) => [`/media/${name}`, fixture(name)])),
  );
  browser = await startBrowser();
});

afterEach(async () => {
  // A viewer left behind would serve the next test.
  await Promise.all(opened.splice(0).map((viewer) => viewer.close().catch(() => undefined)));
});

after(async () => {
  await browser?.close();
  await origin?.stop();
});

const swarmConfig = () => ({ trackerUrls: [origin.trackerUrl], stunServers: [] });

/** @param {string} name @param {boolean} signed */
const path = (name, signed = true) => `${signed ? "" : "/unsigned"}/media/${name}/index.m3u8`;

/** @param {Parameters<typeof Viewer.open>[2]} options */
async function open(options) {
  const viewer = await Viewer.open(browser, origin, options);
  opened.push(viewer);
  return viewer;
}

/**
 * A viewer with Shaka.
 * @param {string} name
 * @param {Record<string, unknown> | null} swarm
 * @param {{ version?: "5.2" | "4.16", signed?: boolean, own?: boolean }} [more]
 */
function withShaka(name, swarm, { version = "5.2", signed = true, own = false } = {}) {
  return open({
    ...{ src: origin.at(path(name, signed)), shaka: shakaBuilds[version], swarm, own },
    player: { streaming: { bufferingGoal: 4 } },
  });
}

/** @param {string} name @param {Record<string, unknown> | null} swarm */
function withHls(name, swarm) {
  return open(optionsOf("hls.js", origin.at(path(name)), swarm));
}

/** @param {string} name @param {(() => Promise<Viewer>)[]} opens */
const watch = (name, opens) => watchInTurn(origin, fixture(name), opens);

for (const [name, version, signed] of /** @type {const} */ ([
  ["ts", "5.2", true],
  ["cmaf", "5.2", true],
  ["cmaf", "4.16", false],
  ["ranges", "5.2", false],
  ["ranges", "4.16", true],
  ["aes", "5.2", true],
  ["discontinuity", "4.16", true],
])) {
  test(`${name}, ${signed ? "signed" : "unsigned"}, Shaka ${version}`, {
    skip,
    timeout: 180_000,
  }, async (t) => {
    const shakaWith = (/** @type {Record<string, unknown> | null} */ swarm) => () =>
      withShaka(name, swarm, { version, signed });
    const one = shakaWith(swarmConfig());
    assertFed(t, await watch(name, [one, one]));
  });
}

test("a viewer with Shaka and one with hls.js are one swarm", {
  skip,
  timeout: 180_000,
}, async () => {
  const opens = [() => withHls("cmaf", swarmConfig()), () => withShaka("cmaf", swarmConfig())];
  for (const order of [opens, opens.toReversed()]) {
    const { states } = await watch("cmaf", order);
    const second = states[1]?.stats;
    assert.ok(second && second.peerBytes > second.cdnBytes, JSON.stringify(second));
  }
});

test("an app's own plug-in stays between Shaka and the network", {
  skip,
  timeout: 180_000,
}, async () => {
  await origin.reset();
  const viewer = await withShaka("cmaf", swarmConfig(), { own: true });
  await viewer.tell("readAhead");
  await viewer.untilWholeStream();
  const before = /** @type {any} */ (await viewer.state());
  const { requests } = mediaOf(await origin.files());
  assert.ok(before.ownRequests >= requests, "every request went through it");
  await viewer.tell("detach");
  await viewer.page.evaluate(
    (src) => Reflect.get(window, "viewer").load(src),
    origin.at(path("ts")),
  );
  await viewer.until("played on with it", (state) => {
    return /** @type {any} */ (state).ownRequests > before.ownRequests + 3;
  });
  await viewer.close();
});

test("after detach Shaka plays by itself, and its error is its own", {
  skip,
  timeout: 180_000,
}, async () => {
  const viewer = await withShaka("cmaf", swarmConfig());
  await viewer.tell("readAhead");
  await viewer.untilWholeStream();
  await viewer.tell("detach");
  await origin.reset();
  await viewer.page.evaluate(
    (src) => Reflect.get(window, "viewer").load(src),
    origin.at(path("ts")),
  );
  const state = await viewer.untilWholeStream();
  assert.deepEqual(state.errors, []);
  assert.equal(state.stats?.peerBytes, 0);
  assert.ok(mediaOf(await origin.files()).requests > 4, "from the CDN");
  await viewer.close();
});

test("a segment that the CDN refuses is the error that Shaka alone sees", {
  skip,
  timeout: 180_000,
}, async () => {
  const failures = [];
  for (const swarm of [null, swarmConfig()]) {
    await origin.reset();
    await origin.fault("404", "s_0_004");
    const viewer = await withShaka("cmaf", swarm);
    const state = await viewer.until("failed", ({ errors }) => errors.length > 0);
    failures.push(state.errors[0]);
    await viewer.close();
    await origin.fault("none", "s_0_004");
  }
  assert.deepEqual(failures[1], failures[0]);
});
