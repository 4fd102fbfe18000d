// @ts-check
// The embed page as others frame it: commands and events across origins, only for those whom its owner
// names, and only streams of hosts that its owner allows. The framing page is `localhost`, the embed
// `127.0.0.1`: two origins on one server.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fixture, hasFfmpeg, root } from "./fixtures.js";
import { Origin, startBrowser } from "./harness.js";

/** @typedef {{ origin: string, event: string, value: any, id?: unknown }} Heard */

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";
const folder = mkdtempSync(join(tmpdir(), "swarmline-embed-"));
const dist = join(root, "js-adapters", "dist", "embed");

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  origin = await Origin.start({ "/media/ts": fixture("ts"), "/embed": folder });
  cpSync(dist, folder, { recursive: true });
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await origin?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Pages of another origin than the embed's. */
const elsewhere = () => origin.url.replace("127.0.0.1", "localhost");

/**
 * Frames the embed as its owner set it up.
 * @param {{ origins?: string, hosts?: string, words?: Record<string, string> }} [setup]
 */
async function frame({ origins = "", hosts = "", words = {} } = {}) {
  const html = readFileSync(join(dist, "embed.html"), "utf8")
    .replace('name="swarmline-origins" content=""', `name="swarmline-origins" content="${origins}"`)
    .replace('name="swarmline-hosts" content=""', `name="swarmline-hosts" content="${hosts}"`);
  writeFileSync(join(folder, "embed.html"), html);
  const given = new URLSearchParams({
    ...{ src: origin.at("/media/ts/index.m3u8"), "tracker-urls": origin.trackerUrl },
    ...{ "stun-servers": "", muted: "", ...words },
  });
  const page = await (await browser.newContext()).newPage();
  const embed = encodeURIComponent(`${origin.url}/embed/embed.html?${given}`);
  await page.goto(`${elsewhere()}/test/frame.html?embed=${embed}`);
  const inside = page.frameLocator("iframe");
  return { page, inside };
}

/** @param {import("playwright-core").Page} page @returns {Promise<Heard[]>} */
const heardOf = (page) => page.evaluate(() => Reflect.get(window, "heard"));
/** @param {import("playwright-core").Page} page @param {unknown} message */
const say = (page, message) => page.evaluate((said) => Reflect.get(window, "say")(said), message);
/**
 * @param {import("playwright-core").Page} page
 * @param {string} wanted an expression about `one`, a message
 */
const until = (page, wanted) =>
  page.waitForFunction(`window.heard.some((one) => ${wanted})`, undefined, { timeout: 30_000 });

test("an origin that is named commands and hears", { skip, timeout: 60_000 }, async () => {
  const { page } = await frame({ origins: `https://a.example ${elsewhere()}` });
  await until(page, `one.event === "ready" && one.value.player === "hls.js"`);
  await say(page, { swarmline: 1, command: "play" });
  await until(page, `one.event === "timeupdate" && one.value.currentTime > 0.5`);
  await say(page, { swarmline: 1, command: "seek", value: 12 });
  await until(page, `one.event === "seeked" && one.value.currentTime >= 12`);
  await say(page, { swarmline: 1, command: "pause" });
  await until(page, `one.event === "pause"`);
  await until(page, `one.event === "stats" && one.value.state === "running"`);
  await say(page, { swarmline: 1, command: "stats", id: "q1" });
  await until(page, `one.event === "answer" && one.id === "q1" && one.value.schema === 1`);
  await say(page, { swarmline: 1, command: "set", value: { "max-peers": "none", wasm: "/x" } });
  await until(page, `one.event === "warning" && one.value.code === "invalid-max-peers"`);
  assert.ok((await heardOf(page)).every((one) => one.origin === origin.url));
  await page.context().close();
});

test("an origin that is not named commands nothing and hears nothing", {
  skip,
  timeout: 60_000,
}, async () => {
  for (const origins of ["", "https://a.example"]) {
    const { page, inside } = await frame({ origins });
    const video = inside.locator("video");
    await video.waitFor();
    await say(page, { swarmline: 1, command: "play" });
    await page.waitForFunction(() => document.querySelector("iframe")?.contentWindow);
    const embed = page.frames()[1];
    await embed?.waitForFunction(
      () => document.querySelector("swarmline-player")?.stats()?.state === "running",
    );
    assert.equal(await video.evaluate((one) => /** @type {HTMLVideoElement} */ (one).paused), true);
    assert.deepEqual(await heardOf(page), []);
    await page.context().close();
  }
});

test("nonsense is no command", { skip, timeout: 60_000 }, async () => {
  const { page } = await frame({ origins: "*" });
  await until(page, `one.event === "ready"`);
  const nonsense = [
    null,
    "play",
    {},
    { command: "play" },
    { swarmline: 1, command: "constructor" },
  ];
  for (const message of nonsense) await say(page, message);
  await say(page, { swarmline: 1, command: "seek", value: "12" });
  await say(page, { swarmline: 1, command: "stats", id: 1 });
  await until(page, `one.event === "answer"`);
  const events = (await heardOf(page)).map(({ event }) => event);
  assert.ok(!events.includes("play") && !events.includes("seeked"), events.join());
  await page.context().close();
});

test("hosts that are not allowed are not played, whoever asks", {
  skip,
  timeout: 60_000,
}, async () => {
  await origin.reset();
  const refused = await frame({ origins: "*", hosts: "cdn.example *.cdn.example" });
  await refused.inside.getByRole("alert").waitFor();
  await until(refused.page, `one.event === "error" && one.value.code === "not-allowed"`);
  assert.deepEqual(await origin.files(), {});
  await refused.page.context().close();

  const { page, inside } = await frame({ origins: "*", hosts: "cdn.example 127.0.0.1" });
  await until(page, `one.event === "ready"`);
  await say(page, { swarmline: 1, command: "load", value: `${elsewhere()}/media/ts/index.m3u8` });
  await inside.getByRole("alert").waitFor();
  await say(page, { swarmline: 1, command: "load", value: origin.at("/media/ts/index.m3u8") });
  await page.waitForFunction(`window.heard.filter((one) => one.event === "ready").length === 2`);
  await page.context().close();
});
