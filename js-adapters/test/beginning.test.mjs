// When an engine begins: it hears of the stream once the first frame is there, or a little after the first manifest, so
// that connections and all that belongs to them never stand in the first frame's way; nothing is lost by that.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { adapters, engines, hlsOf, pretendBrowser, settled, until, vod } from "./page.mjs";

pretendBrowser();
const Hls = hlsOf("hls.js");
const open = [];
let network;

beforeEach(() => {
  engines.length = 0;
  network = vod();
});
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** A player that knows its stream, with an engine that knows nothing yet; `port` is what a media element would tell. */
async function viewer() {
  const { createSwarm, attachHls } = await adapters({ waits: true });
  const swarm = createSwarm();
  const hls = new Hls({ enableWorker: false, autoStartLoad: false });
  open.push(() => {
    hls.destroy();
    swarm.destroy();
  });
  attachHls(swarm, hls);
  hls.loadSource("http://cdn.test/vod.m3u8");
  const engine = await until("an engine", () => engines.at(-1));
  await until("a level", () => hls.levels[0]?.details);
  return { swarm, hls, engine, port: swarm[Symbol.for("swarmline.port.1")] };
}

/** One load, as hls.js would have it; what it ended with. */
function load(hls, number) {
  const loader = new hls.config.fLoader(hls.config);
  const told = [];
  const tell = (name) => (response) => told.push([name, response?.data?.byteLength]);
  const context = {
    ...{ type: "media-fragment", responseType: "arraybuffer", part: null, headers: {} },
    ...{ url: `http://cdn.test/s${number}.ts`, frag: { sn: number, type: "main" } },
    ...{ rangeStart: 0, rangeEnd: 0 },
  };
  const policy = { maxTimeToFirstByteMs: 9_000, maxLoadTimeMs: 9_000 };
  const callbacks = { onSuccess: tell("success"), onError: tell("error"), onAbort: tell("abort") };
  loader.load(
    context,
    { loadPolicy: { ...policy, timeoutRetry: null, errorRetry: null } },
    callbacks,
  );
  return { loader, told };
}

const media = () => network.requests.filter(({ url }) => url.endsWith(".ts"));

test("the first segment goes the player's own way, though the engine is there, and is the engine's afterwards", async () => {
  const { hls, engine, port, swarm } = await viewer();
  assert.equal(swarm.stats().state, "running");
  const { told } = load(hls, 0);
  await until("its end", () => told.length > 0);
  assert.deepEqual(told, [["success", 1_000]]);
  assert.equal(media()[0].by, "xhr");
  assert.deepEqual(engine.calls, [], "and the engine has not heard of anything");
  port.playback(0, 1, true);
  await until("a manifest", () => engine.told("manifest").length > 0);
  assert.equal(engine.told("adopt")[0][0], "http://cdn.test/s0.ts");
  assert.equal(engine.told("load").length, 0);
});

test("without a frame the engine begins all the same", async () => {
  const { engine } = await viewer();
  await until("a manifest", () => engine.told("manifest").length > 0);
});

test("what is wished for while something is buffered waits for the engine to begin, and comes after all it has to know", async () => {
  const { hls, engine, port } = await viewer();
  port.playback(4_000, 1, false);
  const { told } = load(hls, 1);
  const other = load(hls, 2);
  other.loader.abort();
  await settled();
  assert.deepEqual([engine.calls, told, media()], [[], [], []]);
  port.playback(4_000, 1, true);
  await until("a wish", () => engine.told("load").length > 0);
  const names = engine.calls.map(([name]) => name).filter((name) => name !== "stats");
  assert.deepEqual(names, ["manifest", "playback", "load"], "and nothing of what was aborted");
  assert.deepEqual(engine.told("playback")[0], [4_000, 1, true]);
  assert.equal(engine.told("load")[0][1], "http://cdn.test/s1.ts");
});

test("a stream that ends before its engine begins leaves wishes to the player, and nothing behind", async () => {
  const { hls, engine, port, swarm } = await viewer();
  port.playback(4_000, 1, false);
  const { told } = load(hls, 1);
  swarm.destroy();
  await until("its end", () => told.length > 0);
  assert.deepEqual(told, [["success", 1_001]]);
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.deepEqual(engine.told("manifest"), []);
});
