// What a viewer gives and when: nothing before its consent, and nothing sent where its connection, its battery,
// its tab or its hour forbids it.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { adapters, engines, hlsOf, pretendBrowser, settled, until, vod, wasm } from "./page.mjs";

const Hls = hlsOf("hls.js");
const SRC = "http://cdn.test/vod.m3u8";
const LIMIT = 100_000;
/** What the browser tells: the adapters read it when they are loaded. */
const connection = Object.assign(new EventTarget(), { saveData: false, type: "wifi" });
const battery = Object.assign(new EventTarget(), { charging: true, level: 1 });
const agent = { userAgent: "node", connection, getBattery: () => Promise.resolve(battery) };
Object.defineProperty(globalThis, "navigator", { value: agent, configurable: true });

pretendBrowser();
const { createSwarm, attachHls } = await adapters();
const open = [];

beforeEach(() => {
  engines.length = 0;
  vod();
  wasm.load = () => Promise.resolve();
  Object.assign(connection, { saveData: false, type: "wifi" });
  Object.assign(battery, { charging: true, level: 1 });
  globalThis.document = Object.assign(new EventTarget(), { hidden: false, baseURI: SRC });
});
afterEach(() => {
  for (const close of open.splice(0)) close();
  delete globalThis.document;
});

/** A swarm with a player that has begun a stream. */
function begin(config) {
  const swarm = createSwarm({ uploadLimit: LIMIT, ...config });
  const hls = new Hls({ enableWorker: false });
  open.push(
    () => hls.destroy(),
    () => swarm.destroy(),
  );
  attachHls(swarm, hls);
  hls.loadSource(SRC);
  return swarm;
}

/** Upload limits that the engine was told: the first one when it was made. */
const limits = (engine) => [
  engine.config.uploadLimit,
  ...engine
    .told("update")
    .flatMap(([update]) => ("uploadLimit" in update ? [update.uploadLimit] : [])),
];

/** Changes what the browser tells, as it would. */
function change(what, event, values) {
  Object.assign(what, values);
  what.dispatchEvent(new Event(event));
}

const engine = () => until("an engine", () => engines.at(-1));

for (const yes of [true, Promise.resolve(true)]) {
  test(`nothing is loaded before consent, and all after ${yes}`, async () => {
    let loads = 0;
    let answer;
    let asked = 0;
    wasm.load = async () => {
      loads += 1;
    };
    const swarm = begin({
      onConsent: () => {
        asked += 1;
        return new Promise((resolve) => (answer = resolve));
      },
    });
    await settled();
    swarm.update({ maxPeers: 3 });
    swarm.update({ enabled: false });
    swarm.update({ enabled: true });
    await settled();
    assert.deepEqual([loads, engines.length, asked], [0, 0, 1]);
    assert.equal(swarm.stats().state, "off");
    assert.equal((await swarm.diagnose()).code, "no-consent");
    answer(yes);
    assert.equal((await engine()).config.maxPeers, 3);
    assert.equal(swarm.stats().state, "running");
  });
}

for (const no of [() => false, () => Promise.resolve(false), () => "yes"]) {
  test(`${no} is no consent`, async () => {
    const swarm = begin({ onConsent: no });
    await settled();
    swarm.update({ enabled: true });
    await settled();
    assert.equal(engines.length, 0);
    assert.equal(swarm.stats().state, "off");
  });
}

test("consent that comes after the page turned P2P off changes nothing until it is on", async () => {
  let answer;
  const swarm = begin({ onConsent: () => new Promise((resolve) => (answer = resolve)) });
  await settled();
  swarm.update({ enabled: false });
  answer(true);
  await settled();
  assert.equal(engines.length, 0);
  swarm.update({ enabled: true });
  await engine();
});

test("where nothing is told everything is allowed", async () => {
  Object.defineProperty(globalThis, "navigator", { value: undefined, configurable: true });
  delete globalThis.document;
  try {
    const { createSwarm, attachHls } = await adapters();
    const swarm = createSwarm({ uploadWhen: [] });
    const hls = new Hls({ enableWorker: false });
    open.push(
      () => hls.destroy(),
      () => swarm.destroy(),
    );
    attachHls(swarm, hls);
    hls.loadSource(SRC);
    assert.deepEqual(limits(await engine()), [Number.POSITIVE_INFINITY]);
  } finally {
    Object.defineProperty(globalThis, "navigator", { value: agent, configurable: true });
  }
});

for (const [place, bar, free] of [
  ["metered", () => change(connection, "change", { saveData: true }), { saveData: false }],
  ["metered", () => change(connection, "change", { type: "cellular" }), { type: "wifi" }],
  ["battery", () => change(battery, "levelchange", { charging: false, level: 0.1 }), undefined],
  ["hidden", () => change(document, "visibilitychange", { hidden: true }), undefined],
]) {
  test(`${place}: nothing is sent, unless uploadWhen says so`, async () => {
    const others = ["metered", "battery", "hidden"].filter((other) => other !== place);
    const swarm = begin({ uploadWhen: others });
    const running = await engine();
    await settled();
    bar();
    assert.deepEqual(limits(running), [LIMIT, 0]);
    swarm.update({ uploadLimit: 2 * LIMIT });
    assert.deepEqual(limits(running), [LIMIT, 0]);
    swarm.update({ uploadWhen: [place] });
    assert.deepEqual(limits(running), [LIMIT, 0, 2 * LIMIT]);
    swarm.update({ uploadWhen: others });
    assert.equal(limits(running).at(-1), 0);
    if (free) change(connection, "change", free);
    else if (place === "hidden") change(document, "visibilitychange", { hidden: false });
    else change(battery, "chargingchange", { charging: true });
    assert.equal(limits(running).at(-1), 2 * LIMIT);
  });
}

test("what forbids it from the start is heeded from the start, and nothing after the end", async () => {
  connection.saveData = true;
  const swarm = begin();
  const running = await engine();
  assert.deepEqual(limits(running), [0]);
  assert.match((await swarm.diagnose()).text, /nothing now: metered/);
  swarm.destroy();
  const told = running.calls.length;
  change(connection, "change", { saveData: false });
  assert.equal(running.calls.length, told);
});

test("an hour's budget is spent once and comes back", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  begin({ uploadBudget: 150 });
  while (engines.length === 0) {
    t.mock.timers.tick(1);
    await Promise.resolve();
  }
  const running = engines.at(-1);
  const send = (bytes) =>
    running.host.event({ type: "upload", peer: "a", track: "b", number: 1, bytes });
  send(100);
  assert.deepEqual(limits(running), [LIMIT]);
  t.mock.timers.tick(1_800_000);
  send(100);
  assert.deepEqual(limits(running), [LIMIT, 0]);
  t.mock.timers.tick(1_800_000);
  assert.deepEqual(limits(running), [LIMIT, 0, LIMIT]);
  send(149);
  assert.equal(limits(running).length, 3);
});
