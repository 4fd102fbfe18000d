// @ts-check
// A page that stands still for twenty seconds, as a browser freezes one in the background, and a page that is left
// and come back to: the player goes on without an error, peers share again, and who watches beside it notices nothing.
// Hours, and moments that a browser would have to hit, are `tests/engine_sleep.rs`.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { browserFlags, chromePath, hlsBuilds, Origin, Viewer } from "./harness.js";

/** @typedef {import("./pages/viewer.js").State} State */

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";
const limits = { skip, timeout: 240_000 };
const frozenMs = 20_000;

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  origin = await Origin.start({}, ["--live", `/live=${join(fixture("ts"), "index.m3u8")}`]);
  // Playwright switches the back-forward cache off.
  browser = await chromium.launch({
    executablePath: chromePath(),
    args: browserFlags,
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
});

after(async () => {
  await browser?.close();
  await origin?.stop();
});

/**
 * A page that Playwright does not know of: it keeps its own visible for good, and a page that is visible is never
 * frozen. As much of Playwright's page as a `Viewer` needs.
 */
class BarePage {
  /** @param {import("playwright-core").CDPSession} root @param {string} browserContextId @param {string} sessionId */
  constructor(root, browserContextId, sessionId) {
    this.root = root;
    this.browserContextId = browserContextId;
    this.sessionId = sessionId;
    this.sent = 0;
    /** @type {Map<number, (answer: any) => void>} */
    this.asked = new Map();
    /** @type {((error: Error) => void)[]} */
    this.listeners = [];
    root.on("Target.receivedMessageFromTarget", ({ message }) => {
      const { id, method, params, ...answer } = JSON.parse(message);
      this.asked.get(id)?.(answer);
      if (method !== "Runtime.exceptionThrown") return;
      for (const listener of this.listeners) listener(new Error(params.exceptionDetails.text));
    });
  }

  static async open() {
    const root = await browser.newBrowserCDPSession();
    const { browserContextId } = await root.send("Target.createBrowserContext");
    const blank = { url: "about:blank", browserContextId };
    const { targetId } = await root.send("Target.createTarget", blank);
    const { sessionId } = await root.send("Target.attachToTarget", { targetId, flatten: false });
    const page = new BarePage(root, browserContextId, sessionId);
    await page.send("Runtime.enable");
    return page;
  }

  /** @param {string} method @param {Record<string, unknown>} [params] @returns {Promise<any>} */
  async send(method, params = {}) {
    this.sent += 1;
    const id = this.sent;
    const { sessionId } = this;
    const answered = new Promise((resolve) => this.asked.set(id, resolve));
    const message = JSON.stringify({ id, method, params });
    await this.root.send("Target.sendMessageToTarget", { sessionId, message });
    const { result, error } = await answered;
    this.asked.delete(id);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  /** @param {Function | string} code @param {unknown} [given] */
  async evaluate(code, given) {
    const expression = `(${code})(${JSON.stringify(given)})`;
    const how = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", how);
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  }

  /** @param {string} event @param {(error: Error) => void} listener */
  on(event, listener) {
    if (event === "pageerror") this.listeners.push(listener);
  }

  close() {
    const { browserContextId } = this;
    return this.root.send("Target.disposeBrowserContext", { browserContextId });
  }
}

/** In the page: how long it stood still, and how it was left and come back to. */
function keepDiary() {
  const diary = { gapMs: 0, frozen: 0, resumed: 0 };
  Object.assign(window, { diary });
  let last = performance.now();
  setInterval(() => {
    diary.gapMs = Math.max(diary.gapMs, performance.now() - last);
    last = performance.now();
  }, 100);
  document.addEventListener("freeze", () => (diary.frozen += 1));
  document.addEventListener("resume", () => (diary.resumed += 1));
  // A page that is loaded afresh has no memory of its own.
  const note = (/** @type {PageTransitionEvent} */ event) =>
    sessionStorage.setItem(event.type, String(event.persisted));
  addEventListener("pageshow", note);
  addEventListener("pagehide", note);
}

/** @param {string} swarmId */
function options(swarmId) {
  const swarm = { swarmId, trackerUrls: [origin.trackerUrl], stunServers: [] };
  return { src: origin.at("/live/index.m3u8"), hls: hlsBuilds["1.7"], swarm };
}

/** @param {string} swarmId */
const open = (swarmId) => Viewer.open(browser, origin, options(swarmId), keepDiary);

/** @param {State} state */
const fromPeers = ({ stats }) => stats?.peerBytes ?? 0;
/** @param {State} state */
const links = ({ stats }) => stats?.peers.length ?? 0;

/** Nothing went wrong that anybody would notice. @param {Viewer} viewer @param {State} state */
function assertWell(viewer, state) {
  const { errors, swarmErrors, mediaError } = state;
  assert.deepEqual(
    { fatal: errors.filter(({ fatal }) => fatal), swarmErrors, mediaError },
    { fatal: [], swarmErrors: [], mediaError: null },
  );
  assert.deepEqual(
    viewer.console.filter((line) => line.startsWith("uncaught")),
    [],
  );
  const blamed = ["unreliable", "protocol", "wrong-block"];
  assert.deepEqual(
    state.peers.filter(({ reason }) => blamed.includes(reason ?? "")),
    [],
  );
}

/** The same on a page that can be frozen. @param {string} swarmId */
async function openBare(swarmId) {
  const page = await BarePage.open();
  const viewer = new Viewer(/** @type {any} */ (page), /** @type {any} */ (page));
  await page.send("Page.enable");
  await page.send("Page.addScriptToEvaluateOnNewDocument", { source: `(${keepDiary})()` });
  await page.send("Page.navigate", { url: origin.at("/test/viewer.html") });
  const end = Date.now() + 20_000;
  while (!(await page.evaluate(() => "viewer" in window)))
    assert.ok(Date.now() < end, "the page is there");
  await page.evaluate(
    (/** @type {any} */ given) => Reflect.get(window, "viewer").start(given),
    options(swarmId),
  );
  return { viewer, page };
}

/** Waits until the two have met, and one has been fed by the other. @param {[Viewer, Viewer]} viewers */
async function meet(viewers) {
  for (const viewer of viewers) await viewer.until("is linked", (state) => links(state) > 0);
  const shared = async () => {
    const states = await Promise.all(viewers.map((viewer) => viewer.state()));
    return states.reduce((sum, state) => sum + fromPeers(state), 0);
  };
  await viewers[0].until("plays", ({ currentTime }) => currentTime > 2);
  const end = Date.now() + 60_000;
  while ((await shared()) === 0) {
    assert.ok(Date.now() < end, "one is fed by the other");
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/** Both play on from here and one of them is fed by peers. @param {[Viewer, Viewer]} viewers @param {number} withinMs */
async function shareAgain(viewers, withinMs) {
  const before = await Promise.all(viewers.map((viewer) => viewer.state()));
  const end = Date.now() + withinMs;
  for (;;) {
    const now = await Promise.all(viewers.map((viewer) => viewer.state()));
    const is = now.every(
      (state, at) => links(state) > 0 && state.currentTime > (before[at]?.currentTime ?? 0) + 1,
    );
    const fed = now.some((state, at) => fromPeers(state) > fromPeers(before[at] ?? state));
    if (is && fed) return now;
    const seen = now.map((state) => [links(state), fromPeers(state), state.currentTime]);
    assert.ok(Date.now() < end, `both play and share: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

test("a page that was frozen for twenty seconds plays on and shares again", limits, async (t) => {
  const beside = await open("frozen");
  const { viewer: sleeper, page } = await openBare("frozen");
  const viewers = /** @type {[Viewer, Viewer]} */ ([beside, sleeper]);
  try {
    await meet(viewers);
    const before = await beside.state();
    await page.send("Page.setWebLifecycleState", { state: "frozen" });
    await new Promise((resolve) => setTimeout(resolve, frozenMs));
    const meanwhile = await beside.state();
    await page.send("Page.setWebLifecycleState", { state: "active" });
    const woke = Date.now();
    // The video stays paused when its page is woken: whose page it is presses play.
    await page.evaluate(() => void document.querySelector("video")?.play());
    const [after, woken] = await shareAgain(viewers, 60_000);
    const diary = await page.evaluate(() => Reflect.get(window, "diary"));
    const told = { ...diary, linksBesideIt: links(meanwhile), sharedAgainMs: Date.now() - woke };
    t.diagnostic(JSON.stringify({ ...told, closed: woken?.peers.map(({ reason }) => reason) }));
    assert.ok(diary.gapMs > frozenMs / 2, `it stood still: ${diary.gapMs} ms`);
    assert.equal(diary.frozen, 1);
    assert.equal(diary.resumed, 1);
    assert.ok(
      meanwhile.currentTime > before.currentTime + frozenMs / 2_000,
      "who is beside it plays",
    );
    if (after) assertWell(beside, after);
    if (woken) assertWell(sleeper, woken);
  } finally {
    await Promise.all(viewers.map((viewer) => viewer.close()));
  }
});

test("a page that was left and come back to plays and shares again", limits, async (t) => {
  const viewers = /** @type {[Viewer, Viewer]} */ ([await open("left"), await open("left")]);
  const [beside, traveller] = viewers;
  try {
    await meet(viewers);
    await traveller.page.goto(origin.at("/test/frame.html?embed=about:blank"));
    await beside.until("has no link", (state) => links(state) === 0);
    await traveller.page.goBack();
    const came = await traveller.page.evaluate(() => {
      const [entry] = performance.getEntriesByType("navigation");
      const { notRestoredReasons } = /** @type {any} */ (entry);
      const reasons = (notRestoredReasons?.reasons ?? []).map((/** @type {any} */ it) => it.reason);
      const [left, back] = ["pagehide", "pageshow"].map((type) => sessionStorage.getItem(type));
      return { left, back, reasons };
    });
    t.diagnostic(`pagehide and pageshow persisted: ${came.left}, ${came.back}; ${came.reasons}`);
    // Where the browser kept no copy the page is loaded anew, and plays as a page does that was opened.
    if (came.back !== "true") {
      await traveller.page.waitForFunction(() => "viewer" in window);
      await traveller.page.evaluate(
        (given) => Reflect.get(window, "viewer").start(given),
        options("left"),
      );
      await traveller.until("plays", ({ currentTime }) => currentTime > 1);
    }
    const states = await shareAgain(viewers, 60_000);
    for (const [at, viewer] of viewers.entries())
      assertWell(viewer, /** @type {State} */ (states[at]));
  } finally {
    await Promise.all(viewers.map((viewer) => viewer.close()));
  }
});
