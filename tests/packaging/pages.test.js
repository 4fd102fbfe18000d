// The packed package in every kind of page: bundled by Vite, webpack, esbuild and Next, from a static server with
// an import map, by script tags, and in the ready player. Each page runs in Chromium, plays a stream and
// starts the wasm engine; two of the bundled pages share segments.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { dirname } from "node:path";
import { after, before, test } from "node:test";
import { fixture, hasFfmpeg } from "../browser/fixtures.js";
import { hlsFolder, mediaOf, Origin, startBrowser } from "../browser/harness.js";
import {
  viteServer,
  withEsbuild,
  withNext,
  withPolicies,
  withVite,
  withWebpack,
} from "./bundles.js";
import { app, pack, unpacked } from "./packed.js";

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixture";

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  pack();
  origin = await Origin.start({
    "/media/ts": fixture("ts"),
    "/media/dash": fixture("dash-time"),
    "/vite": await withVite(),
    "/csp": withPolicies(),
    "/webpack": await withWebpack(),
    "/esbuild": await withEsbuild(),
    "/next": withNext(),
    "/app": app,
    "/package": unpacked,
    "/hls": hlsFolder,
  });
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await origin?.stop();
});

/** Opens a page and waits until its engine runs and its player has segments. */
async function open(path, more = "", src = "/media/ts/index.m3u8") {
  const context = await browser.newContext();
  const page = await context.newPage();
  const told = [];
  page.on("console", (message) => told.push(message.text()));
  page.on("pageerror", (error) => told.push(`uncaught: ${error.message}`));
  const words = new URLSearchParams({
    src: origin.at(src),
    tracker: origin.trackerUrl,
  });
  const at = path.startsWith("http") ? path : origin.at(path);
  await page.goto(`${at}?${words}${more}`);
  await reach(page, told, "an engine", () => globalThis.seen?.swarm?.stats().state === "running");
  await reach(page, told, "a segment", () => seen.segments > 0);
  const stats = await page.evaluate(() => seen.swarm.stats());
  assert.ok(stats.wasmMemoryBytes > 0, "the engine's module is there");
  assert.deepEqual(await page.evaluate(() => seen.errors), []);
  return page;
}

async function reach(page, told, what, wanted) {
  try {
    await page.waitForFunction(wanted, undefined, { timeout: 30_000 });
  } catch {
    const state = await page.evaluate(() => JSON.stringify(globalThis.seen ?? null));
    throw new Error(`never ${what}\n${state}\n${told.join("\n")}`);
  }
}

const wholeFilm = () =>
  globalThis.seen?.video.buffered.length > 0 && seen.video.buffered.end(0) > 23;

test("Vite: two built pages share segments", { skip, timeout: 120_000 }, async () => {
  await origin.reset();
  const first = await open("/vite/index.html");
  await reach(first, [], "the whole film", wholeFilm);
  const alone = mediaOf(await origin.files()).bytes;
  const second = await open("/vite/index.html");
  await reach(second, [], "the whole film", wholeFilm);
  assert.ok((await second.evaluate(() => seen.swarm.stats().peerBytes)) > 0, "fed by the first");
  const both = mediaOf(await origin.files()).bytes;
  assert.ok(both < 1.7 * alone, `the origin sent ${both} bytes, ${alone} of them to the first`);
  await Promise.all([first.context().close(), second.context().close()]);
});

for (const [player, src] of [
  ["hls.js", "/media/ts/index.m3u8"],
  ["shaka", "/media/dash/index.mpd"],
]) {
  test(`Vite: the ready player loads ${player} when it is needed`, {
    skip,
    timeout: 60_000,
  }, async () => {
    const page = await open("/vite/element.html", "", src);
    assert.deepEqual(await page.evaluate(() => seen.players), [player]);
    const loaded = await page.evaluate(() =>
      performance.getEntriesByType("resource").map(({ name }) => name.split("/").pop()),
    );
    const unwanted = player === "shaka" ? /^hls/ : /^shaka/;
    assert.deepEqual(
      loaded.filter((name) => unwanted.test(name)),
      [],
    );
    await page.context().close();
  });
}

test("Vite's development server", { skip, timeout: 60_000 }, async () => {
  const server = await viteServer();
  try {
    const { port } = server.httpServer.address();
    const page = await open(`http://127.0.0.1:${port}/index.html`);
    await page.context().close();
  } finally {
    await server.close();
  }
});

for (const [name, path, more] of [
  ["webpack", "/webpack/index.html"],
  ["esbuild, the module by its file loader", "/esbuild/index.html"],
  ["Next, rendered on a server before", "/next/index.html"],
  ["no bundler: an import map on a static server", "/app/plain.html"],
  ["the module as bytes", "/app/plain.html", "&as=bytes"],
  ["the module compiled by the page", "/app/plain.html", "&as=module"],
]) {
  test(name, { skip, timeout: 60_000 }, async () => {
    const page = await open(path, more);
    await page.context().close();
  });
}

test("what Next renders on the server has a swarm that is off", { skip }, async () => {
  const html = await (await fetch(origin.at("/next/index.html"))).text();
  assert.match(html, /<p id="rendered">off<\/p>/);
});

const key = () => {
  const { x } = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });
  return Buffer.from(x, "base64url").toString("base64");
};

for (const [name, path] of [
  ["Vite", "/vite/index.html"],
  ["webpack", "/webpack/index.html"],
  ["no bundler", "/app/plain.html"],
  ["script tags", "/app/script.html"],
  ["a policy with wasm-unsafe-eval", "/csp/with.html"],
]) {
  test(`${name}: a pinned key brings what checks signatures`, {
    skip,
    timeout: 60_000,
  }, async () => {
    const page = await open(path, `&key=${encodeURIComponent(key())}`);
    assert.deepEqual(await page.evaluate(() => seen.violations), []);
    await page.context().close();
    // The neutral point has the shape of a key: only the module itself can tell.
    const weak = await (await browser.newContext()).newPage();
    const words = { src: origin.at("/media/ts/index.m3u8"), tracker: origin.trackerUrl };
    const neutral = `AQ${"A".repeat(41)}=`;
    await weak.goto(origin.at(`${path}?${new URLSearchParams({ ...words, key: neutral })}`));
    await weak.waitForFunction(wholeFilm);
    assert.deepEqual(await weak.evaluate(() => seen.errors), ["invalid-public-key"]);
    assert.equal(await weak.evaluate(() => seen.swarm.stats().state), "failed");
    await weak.context().close();
  });
}

test("script tags: one name on the page", { skip, timeout: 60_000 }, async () => {
  const page = await open("/app/script.html");
  assert.deepEqual(await page.evaluate(() => seen.names), ["Swarmline"]);
  await page.context().close();
});

test("a Content-Security-Policy with wasm-unsafe-eval", { skip, timeout: 60_000 }, async () => {
  const page = await open("/csp/with.html");
  assert.deepEqual(await page.evaluate(() => seen.violations), []);
  await page.context().close();
});

test("one without it: a plain player and one event", { skip, timeout: 60_000 }, async () => {
  const page = await (await browser.newContext()).newPage();
  const words = { src: origin.at("/media/ts/index.m3u8"), tracker: origin.trackerUrl };
  await page.goto(origin.at(`/csp/without.html?${new URLSearchParams(words)}`));
  await page.waitForFunction(wholeFilm);
  const seen = await page.evaluate(() => ({
    told: [...globalThis.seen.errors, ...globalThis.seen.warnings],
    state: globalThis.seen.swarm.stats().state,
  }));
  assert.deepEqual(seen, { told: ["wasm-failed"], state: "failed" });
  await page.context().close();
});

test("one without it and a pinned key: the same one event", {
  skip,
  timeout: 60_000,
}, async () => {
  const page = await (await browser.newContext()).newPage();
  const words = { src: origin.at("/media/ts/index.m3u8"), tracker: origin.trackerUrl, key: key() };
  await page.goto(origin.at(`/csp/without.html?${new URLSearchParams(words)}`));
  await page.waitForFunction(wholeFilm);
  assert.deepEqual(await page.evaluate(() => seen.errors), ["wasm-failed"]);
  await page.context().close();
});

test("the embed page stands alone in its folder", { skip, timeout: 60_000 }, async () => {
  const page = await (await browser.newContext()).newPage();
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const words = new URLSearchParams({
    src: origin.at("/media/ts/index.m3u8"),
    "tracker-urls": origin.trackerUrl,
    "stun-servers": "",
  });
  await page.goto(origin.at(`/package/dist/embed/embed.html?${words}`));
  const player = page.locator("swarmline-player");
  await player.waitFor();
  await page.waitForFunction(
    () => document.querySelector("swarmline-player").stats()?.state === "running",
  );
  const scripts = asked.filter((path) => path.startsWith("/package"));
  assert.deepEqual(
    scripts.filter((path) => dirname(path) !== "/package/dist/embed"),
    [],
  );
  assert.ok(!scripts.some((path) => path.includes("shaka")), "Shaka is not loaded for HLS");
  await page.context().close();
});
