// Segments between visits: what is kept, what gives way, and that nothing the browser refuses is ever more than a miss.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeDisk } from "./fake-storage.mjs";
import { adapters, engines, hlsOf, pretendBrowser, until, vod } from "./page.mjs";
import { source } from "./source.mjs";

const { DiskCache, clear } = await source("disk-cache");
const MB = 2 ** 20;

/** Time, as the cache reads it. */
let now = 1_000_000_000;
Date.now = () => now;

const rootOf = (at) => new Uint8Array(32).fill(at);
const bytesOf = (at, length = MB) => new Uint8Array(length).fill(at);

/** A tab of the site: what its engine is told, and what the engine may call. */
async function tab(asked = 16 * MB) {
  const told = { roots: undefined, read: new Map() };
  const engine = {
    kept: (roots) => {
      told.roots = roots;
    },
    keptRead: (segment, bytes) => told.read.set(segment, bytes),
  };
  const cache = new DiskCache(asked);
  const host = cache.attach((act) => act(engine));
  let reads = 0;
  const self = {
    cache,
    told,
    opened: () => until("opened", () => told.roots),
    async keep(at, length) {
      const whole = bytesOf(at, (length ?? MB) + 64);
      host.keep(rootOf(at), whole.subarray(0, length ?? MB));
      await new Promise((resolve) => setTimeout(resolve, 70));
    },
    async read(at, atLeisure = false) {
      reads += 1;
      const segment = reads;
      host.readKept(segment, rootOf(at), atLeisure);
      await until("answered", () => told.read.has(segment));
      return told.read.get(segment);
    },
  };
  return self;
}

const opened = async (asked) => {
  const one = await tab(asked);
  await one.opened();
  return one;
};

test("what one visit kept the next one is told of, and reads", async () => {
  fakeDisk();
  const first = await opened();
  assert.equal(first.told.roots.length, 0);
  await first.keep(1);
  await first.keep(2);
  now += 1000;
  const second = await opened();
  assert.deepEqual(new Set(second.told.roots), new Set([1, 2]));
  assert.equal(second.told.roots.length, 64);
  assert.deepEqual(await second.read(1), bytesOf(1));
  assert.deepEqual(await second.read(2, true), bytesOf(2));
  assert.equal(await second.read(3), undefined);
  assert.match(second.cache.told, /^2\.1 of at most 16\.8 MB$/);
});

test("it holds no more than its limit, and lets go of what was used longest ago", async () => {
  const disk = fakeDisk();
  const one = await opened(16 * MB);
  for (let at = 1; at <= 15; at += 1) {
    now += 1_000_000;
    await one.keep(at);
  }
  now += 1_000_000;
  assert.ok(await one.read(1), "used again");
  await new Promise((resolve) => setTimeout(resolve, 5));
  for (let at = 16; at <= 20; at += 1) {
    now += 1_000_000;
    await one.keep(at);
    assert.ok(disk.bytes() <= 16 * MB, `${disk.bytes()}`);
  }
  assert.ok(await one.read(1), "what was used lately stays");
  assert.equal(await one.read(2), undefined);
  assert.ok(await one.read(20));
});

test("tabs share one limit", async () => {
  const disk = fakeDisk();
  const [one, two] = [await opened(16 * MB), await opened(16 * MB)];
  for (let at = 1; at <= 30; at += 1) await (at % 2 ? one : two).keep(at);
  assert.ok(disk.bytes() <= 16 * MB, `${disk.bytes()}`);
  assert.ok(disk.bytes() > 12 * MB, `${disk.bytes()}`);
});

test("two tabs that keep the same segment keep it once; a tab that has refused it overwrites it", async () => {
  const disk = fakeDisk();
  const [one, two] = [await opened(), await opened()];
  await Promise.all([one.keep(7), two.keep(7)]);
  await one.keep(7);
  assert.equal(disk.kept().size, 1);
  const third = await opened();
  assert.match(third.cache.told, /^1\.0 of/);
});

test("a part of the quota is all it takes, whatever was asked", async () => {
  const disk = fakeDisk({ quota: 20 * MB });
  const one = await opened(16 * MB);
  for (let at = 1; at <= 14; at += 1) await one.keep(at);
  assert.ok(disk.bytes() <= 10 * MB, `${disk.bytes()}`);
  fakeDisk({ quota: 100 * MB });
  assert.match((await opened(true)).cache.told, /at most 10\.5 MB$/);
  fakeDisk({ quota: 1e12 });
  assert.match((await opened(true)).cache.told, /at most 1073\.7 MB$/);
});

test("a disk that is full before its quota: half is let go, nothing is thrown", async () => {
  const disk = fakeDisk({ room: 6 * MB });
  const one = await opened(16 * MB);
  for (let at = 1; at <= 16; at += 1) {
    now += 1000;
    await one.keep(at, MB / 2);
  }
  assert.ok(disk.bytes() <= 3 * MB, `${disk.bytes()}`);
  assert.deepEqual(await one.read(16), bytesOf(16, MB / 2));
});

test("a disk that breaks: what it held is a miss, and no error of the page's", async () => {
  const disk = fakeDisk();
  const one = await opened();
  await one.keep(1);
  disk.breaks = true;
  await one.keep(2);
  assert.equal(await one.read(1), undefined);
  const other = await tab();
  assert.equal(await other.read(1), undefined);
  assert.equal(other.told.roots, undefined, "the engine is told of no disk");
  disk.breaks = false;
  await one.keep(3);
  assert.deepEqual(await one.read(3), bytesOf(3));
});

test("a buffer that fills at once is kept; what waits is bounded", async () => {
  const disk = fakeDisk();
  const one = await opened(1000 * MB);
  await Promise.all(Array.from({ length: 70 }, (_, at) => one.keep(at + 1)));
  await until("written", () => disk.kept().size >= 64);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(disk.kept().size, 64);
});

test("one segment may not drive out all others", async () => {
  const disk = fakeDisk();
  const one = await opened(16 * MB);
  await one.keep(1, 5 * MB);
  assert.equal(disk.kept().size, 0);
});

test("what the site lets go of is a miss for a tab that reads it", async () => {
  const disk = fakeDisk();
  const one = await opened();
  await one.keep(1);
  disk.kept().clear();
  assert.equal(await one.read(1), undefined);
});

test("cleared: nothing is there, and open tabs keep nothing more", async () => {
  const disk = fakeDisk();
  const one = await opened();
  await one.keep(1);
  await clear();
  assert.equal(disk.kept().size, 0);
  await one.keep(2);
  assert.equal(disk.kept().size, 0);
  assert.equal(await one.read(1), undefined);
  assert.equal(one.cache.told, "off: it was cleared");
});

test("a browser that refuses storage, or has none: off, with a reason, and every read is a miss", async () => {
  fakeDisk({ refuses: true });
  const refused = await tab();
  assert.equal(await refused.read(1), undefined);
  await refused.keep(1);
  assert.equal(refused.cache.told, "off: not in a private window");
  assert.equal(refused.told.roots, undefined, "the engine is told of no disk");
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  const none = await tab();
  assert.equal(await none.read(1), undefined);
  assert.match(none.cache.told, /^off: this page has no storage/);
});

/** What the adapters tell an engine of a page with this config. @param {object} config */
async function engineOf(config) {
  pretendBrowser();
  vod();
  const Hls = hlsOf("hls.js");
  const { createSwarm, attachHls } = await adapters();
  engines.length = 0;
  const swarm = createSwarm(config);
  const hls = new Hls({ enableWorker: false });
  attachHls(swarm, hls);
  hls.loadSource("http://cdn.test/vod.m3u8");
  const engine = await until("an engine", () => engines.at(-1));
  return { swarm, hls, engine };
}

test("a page that asks for it has an engine with a disk, and says so; no other page has", async () => {
  fakeDisk();
  const plain = await engineOf({});
  assert.equal("keep" in plain.engine.host, false);
  const page = await engineOf({ diskCache: 32 * MB });
  page.engine.host.keep(rootOf(9), bytesOf(9));
  await until("told", () => page.engine.told("kept").length > 0);
  page.engine.host.readKept(4, rootOf(8), false);
  assert.deepEqual(await until("answered", () => page.engine.told("keptRead")[0]), [4, undefined]);
  const { text } = await page.swarm.diagnose();
  assert.match(text, /^disk {8}\d\.\d of at most 33\.6 MB$/m);
  const { text: without } = await plain.swarm.diagnose();
  assert.doesNotMatch(without, /^disk/m);
  for (const { hls, swarm } of [plain, page]) {
    hls.destroy();
    swarm.destroy();
  }
});
