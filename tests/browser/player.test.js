// @ts-check
// `<swarmline-player>` and the embed page in Chromium: they play and share, obey their words, tell what
// went wrong, and are a plain player where the browser lacks something. Held with keys alone, and under
// axe-core in both themes, narrow and wide.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { mediaOf, Origin, startBrowser } from "./harness.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("../../js-adapters/dist/player.js").SwarmlinePlayer} Player */
/** @typedef {{ event: string, detail: { code?: string, message?: string, player?: string } }[]} Told */

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  origin = await Origin.start({ "/media/ts": fixture("ts"), "/media/dash": fixture("dash-time") });
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await origin?.stop();
});

const stream = () => origin.at("/media/ts/index.m3u8");
/** Words for the element, over what every test wants. @param {Record<string, string>} more */
const words = (more) =>
  new URLSearchParams({
    ...{ src: stream(), "tracker-urls": origin.trackerUrl, "stun-servers": "", muted: "" },
    ...more,
  });

/**
 * A page with the element.
 * @param {Record<string, string>} [more]
 * @param {{ prepare?: () => void, context?: import("playwright-core").BrowserContextOptions }} [how]
 */
async function open(more = {}, { prepare, context } = {}) {
  const page = await (await browser.newContext(context)).newPage();
  if (prepare) await page.addInitScript(prepare);
  await page.goto(origin.at(`/test/player.html?${words(more)}`));
  await page.waitForFunction(() => "player" in window);
  return page;
}

/** @param {Page} page @returns {Promise<Told>} */
const toldOf = (page) => page.evaluate(() => Reflect.get(window, "told"));
/** What of it is not about who plays. @param {Page} page */
const trouble = async (page) =>
  (await toldOf(page))
    .filter(({ event }) => event !== "ready")
    .map(({ event, detail }) => [event, detail.code]);
/** @param {Page} page @param {string | ((player: Player) => unknown)} wanted */
const until = (page, wanted) =>
  page.waitForFunction(`window.player && (${wanted})(window.player)`, undefined, {
    timeout: 30_000,
  });
/** @param {Page} page */
const untilPlaying = async (page) => {
  await page.evaluate(() => Reflect.get(window, "player").play());
  await until(page, (player) => player.video.currentTime > 0.5);
};

for (const [player, path, buffered] of /** @type {const} */ ([
  ["hls.js", "/media/ts/index.m3u8", 23],
  // Shaka reads ten seconds ahead.
  ["shaka", "/media/dash/index.mpd", 9],
])) {
  test(`two elements with ${player} share`, { skip, timeout: 90_000 }, async () => {
    await origin.reset();
    const enough = `(player) => player.video.buffered.length > 0 && player.video.buffered.end(0) > ${buffered}`;
    const first = await open({ src: path });
    await until(first, enough);
    const second = await open({ src: path });
    await until(second, enough);
    await untilPlaying(second);
    assert.deepEqual(
      (await toldOf(second)).map(({ event, detail }) => [event, detail.player ?? detail.code]),
      [["ready", player]],
    );
    await until(second, (element) => (element.stats()?.peerBytes ?? 0) > 0);
    await Promise.all([first.context().close(), second.context().close()]);
  });
}

test("an element that leaves its document lets go of everything, and plays again in it", {
  skip,
  timeout: 60_000,
}, async () => {
  const page = await open();
  await untilPlaying(page);
  const left = await page.evaluate(async () => {
    const player = Reflect.get(window, "player");
    const { swarm } = player;
    player.remove();
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { state: swarm.stats().state, now: player.swarm === undefined, src: player.video.src };
  });
  assert.deepEqual(left, { state: "off", now: true, src: "" });
  await page.evaluate(() => document.querySelector("main")?.append(Reflect.get(window, "player")));
  await untilPlaying(page);
  // A move in the document is no reason to begin anew more than once.
  assert.equal((await toldOf(page)).length, 2);
  await page.context().close();
});

test("words change a running swarm; a wrong one costs the swarm and not the picture", {
  skip,
  timeout: 60_000,
}, async () => {
  const page = await open();
  await untilPlaying(page);
  await page.evaluate(() => Reflect.get(window, "player").setAttribute("max-peers", "3"));
  await page.evaluate(() => Reflect.get(window, "player").setAttribute("max-peers", "many"));
  assert.deepEqual(await trouble(page), [["warning", "invalid-max-peers"]]);
  assert.equal((await toldOf(page)).filter(({ event }) => event === "ready").length, 1);
  await page.context().close();

  const wrong = await open({ "cdn-fallback-delay": "" });
  await untilPlaying(wrong);
  assert.deepEqual(await trouble(wrong), [["warning", "invalid-cdn-fallback-delay"]]);
  assert.equal(await wrong.evaluate(() => Reflect.get(window, "player").stats().state), "off");
  await wrong.context().close();
});

test("with preload=none nothing is asked for until somebody presses play", {
  skip,
  timeout: 60_000,
}, async () => {
  await origin.reset();
  const page = await open({ preload: "none" });
  const button = page.getByRole("button", { name: "Play" });
  await button.waitFor();
  assert.deepEqual(await origin.files(), {});
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await until(page, (player) => player.video.currentTime > 0.5);
  assert.equal(await button.isVisible(), false);
  assert.equal(
    await page.evaluate(() => Reflect.get(window, "player").shadowRoot.activeElement?.localName),
    "video",
    "keys go on to the video",
  );
  await page.keyboard.press("Space");
  await until(page, (player) => player.video.paused);
  await page.context().close();
});

test("a stream that is not there is said to everybody, and can be tried again with keys", {
  skip,
  timeout: 60_000,
}, async () => {
  const page = await open({ src: "/media/ts/gone.m3u8" });
  await page.getByRole("alert").filter({ hasText: "404" }).waitFor();
  assert.deepEqual(await trouble(page), [["error", "manifestLoadError"]]);
  await page.evaluate((src) => {
    // Not a new address: the one that failed answers now.
    const fetched = window.XMLHttpRequest.prototype.open;
    window.XMLHttpRequest.prototype.open = function (/** @type {any[]} */ ...given) {
      given[1] = String(given[1]).replace(/.*gone\.m3u8/, src);
      return Reflect.apply(fetched, this, given);
    };
  }, stream());
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await untilPlaying(page);
  assert.equal(await page.getByRole("alert").isVisible(), false);
  await page.context().close();
});

/** What a browser may lack, and what is told then. @type {Record<string, { lack: () => void, told: [string, string][], player: string }>} */
const lacking = {
  RTCPeerConnection: {
    lack: () => Reflect.deleteProperty(globalThis, "RTCPeerConnection"),
    told: [["warning", "no-webrtc"]],
    player: "hls.js",
  },
  "Media Source Extensions": {
    lack: () => {
      for (const name of ["MediaSource", "ManagedMediaSource", "WebKitMediaSource"])
        Reflect.deleteProperty(globalThis, name);
    },
    told: [["warning", "no-mse"]],
    player: "native",
  },
};
for (const [name, { lack, told, player }] of Object.entries(lacking)) {
  test(`without ${name}: plain playback, one event`, { skip, timeout: 60_000 }, async () => {
    await origin.reset();
    const page = await open({}, { prepare: lack });
    await untilPlaying(page);
    assert.deepEqual(await trouble(page), told);
    const ready = (await toldOf(page)).find(({ event }) => event === "ready");
    assert.equal(ready?.detail.player, player);
    assert.ok(mediaOf(await origin.files()).bytes > 0, "the CDN brings it");
    await page.context().close();
  });
}

test("with ManagedMediaSource alone, as on an iPhone: it shares, and other screens are off", {
  skip,
  timeout: 60_000,
}, async () => {
  const page = await open(
    {},
    {
      // Chromium has none: the plain source under the other name, with the managed one's two events.
      prepare: () => {
        const { MediaSource } = globalThis;
        Reflect.deleteProperty(globalThis, "MediaSource");
        class ManagedMediaSource extends MediaSource {
          streaming = true;
        }
        Object.assign(globalThis, { ManagedMediaSource });
      },
    },
  );
  await untilPlaying(page);
  assert.equal(
    await page.evaluate(() => Reflect.get(window, "player").video.disableRemotePlayback),
    true,
  );
  assert.deepEqual(await trouble(page), []);
  await until(page, (player) => player.stats()?.state === "running");
  await page.context().close();
});

/**
 * What a screen reader is told: role and name of what is in the page, and what has the focus. The browser's own controls
 * are among it.
 * @param {Page} page
 */
async function spoken(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  await session.detach();
  const quiet = [
    "none",
    "generic",
    "StaticText",
    "InlineTextBox",
    "RootWebArea",
    "main",
    "heading",
  ];
  return nodes
    .filter(({ ignored, role }) => !ignored && !quiet.includes(role?.value))
    .map(({ role, name, properties = [] }) => ({
      says: `${role?.value} ${name?.value ?? ""}`.trim(),
      focused: properties.some((one) => one.name === "focused" && one.value.value === true),
    }));
}

/** What Tab comes by, once around. @param {Page} page @param {number} stops */
async function tabbed(page, stops) {
  const met = [];
  for (let press = 0; press < stops; press += 1) {
    await page.keyboard.press("Tab");
    met.push((await spoken(page)).find(({ focused }) => focused)?.says);
  }
  return met;
}

test("a screen reader is told what is there, and keys come by it in order", {
  skip,
  timeout: 60_000,
}, async () => {
  const playing = await open({ label: "The film" });
  await until(playing, (player) => player.video.readyState > 2);
  const controls = ["Video The film", "button play", "slider volume", "button unmute"];
  const last = ["button enter full screen", "button show more media controls"];
  assert.deepEqual(await tabbed(playing, 7), [...controls, ...last, "slider video time scrubber"]);
  await playing.context().close();

  const waiting = await open({ label: "The film", preload: "none" });
  await waiting.getByRole("button", { name: "Play The film" }).waitFor();
  assert.deepEqual(await tabbed(waiting, 1), ["button Play The film"]);
  const words = (await spoken(waiting)).map(({ says }) => says);
  assert.deepEqual(words, ["button Play The film"], "nothing that only waits is called broken");
  await waiting.context().close();

  const failed = await open({ src: "/media/ts/gone.m3u8" });
  await failed.getByRole("alert").filter({ hasText: "404" }).waitFor();
  assert.deepEqual(await tabbed(failed, 1), ["button Try again"]);
  const told = (await spoken(failed)).map(({ says }) => says.split(" ")[0]);
  assert.deepEqual(told, ["alert", "paragraph", "button"]);
  await failed.context().close();
});

/**
 * Serious and critical findings of axe-core, one line each.
 * @param {Page} page
 * @returns {Promise<string[]>}
 */
async function findings(page) {
  await page.addScriptTag({ path: axe });
  /** @type {import("axe-core").AxeResults} */
  const result = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
  return result.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ target, html }) => `${id}: ${target} ${html}`));
}

/** Pages and what is waited for before axe looks. @type {Record<string, [() => string, (page: Page) => Promise<unknown>]>} */
const looks = {
  "the element, playing": [
    () => `/test/player.html?${words({ autoplay: "" })}`,
    (page) => until(page, (player) => player.video.currentTime > 0),
  ],
  "the element, waiting to be started": [
    () => `/test/player.html?${words({ preload: "none" })}`,
    (page) => page.getByRole("button", { name: "Play" }).waitFor(),
  ],
  "the element, failed": [
    () => `/test/player.html?${words({ src: "/media/ts/gone.m3u8" })}`,
    (page) => page.getByRole("alert").filter({ hasText: "404" }).waitFor(),
  ],
  "the embed, playing": [
    () => `/dist/embed/embed.html?${words({ autoplay: "", label: "A film" })}`,
    (page) => page.getByLabel("A film", { exact: true }).waitFor(),
  ],
  "the embed, refused": [
    () => `/dist/embed/embed.html?${words({ src: "javascript:alert(1)" })}`,
    (page) => page.getByRole("alert").waitFor(),
  ],
};
for (const [name, [path, ready]] of Object.entries(looks)) {
  test(`axe-core has nothing against ${name}`, { skip, timeout: 60_000 }, async () => {
    for (const [colorScheme, width, height] of /** @type {const} */ ([
      ["light", 360, 640],
      ["dark", 1280, 800],
    ])) {
      const context = await browser.newContext({ colorScheme, viewport: { width, height } });
      const page = await context.newPage();
      await page.goto(origin.at(path()));
      await ready(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.deepEqual([...(await findings(page)), wide > 0 ? "too wide" : ""], [""]);
      await context.close();
    }
  });
}
