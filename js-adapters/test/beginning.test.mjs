// When an engine begins: it hears of the stream right after the player has asked for its first segment, so that connections
// and all that belongs to them stand before neither a manifest nor that segment; nothing is lost by that. Its module is
// loaded with the first frame, and what is asked for behind that waits for it, a little.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { adapters, engines, hlsOf, pretendBrowser, settled, until, vod, wasm } from "./page.mjs";

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
  wasm.load = () => Promise.resolve();
});

/**
 * A player that knows its stream, with an engine that knows nothing yet, unless its module is still to come; `port` is what
 * a media element would tell.
 */
async function viewer({ isLoaded = true } = {}) {
  const { createSwarm, attachHls } = await adapters({ waits: true });
  const swarm = createSwarm();
  const hls = new Hls({ enableWorker: false, autoStartLoad: false });
  open.push(() => {
    hls.destroy();
    swarm.destroy();
  });
  attachHls(swarm, hls);
  hls.loadSource("http://cdn.test/vod.m3u8");
  const port = swarm[Symbol.for("swarmline.port.1")];
  port.started();
  const engine = isLoaded ? await until("an engine", () => engines.at(-1)) : undefined;
  await until("a level", () => hls.levels[0]?.details);
  return { swarm, hls, engine, port };
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
  const { hls, engine, swarm } = await viewer();
  assert.equal(swarm.stats().state, "running");
  const { told } = load(hls, 0);
  assert.deepEqual(engine.calls, [], "it was asked for before the engine heard of anything");
  await until("its end", () => told.length > 0);
  assert.deepEqual(told, [["success", 1_000]]);
  assert.equal(media()[0].by, "xhr");
  await until("its bytes", () => engine.told("adopt").length > 0);
  assert.equal(engine.calls[0][0], "manifest");
  assert.equal(engine.told("adopt")[0][0], "http://cdn.test/s0.ts");
  assert.equal(engine.told("load").length, 0);
});

test("what is asked for behind the first frame waits for the module", async () => {
  let arrive = () => undefined;
  wasm.load = () => new Promise((resolve) => (arrive = resolve));
  const { hls, port } = await viewer({ isLoaded: false });
  const first = load(hls, 0);
  await until("its end", () => first.told.length > 0);
  assert.equal(media().length, 1, "the first one waits for nothing");
  port.playback(4_000, 1, true);
  const { told } = load(hls, 1);
  await settled();
  assert.equal(media().length, 1);
  arrive();
  const engine = await until("an engine", () => engines.at(-1));
  await until("a wish", () => engine.told("load").length > 0);
  assert.equal(engine.told("load")[0][1], "http://cdn.test/s1.ts");
  assert.deepEqual([told, media().length], [[], 1]);
});

test("and no longer than a tenth of what is buffered, once", async () => {
  wasm.load = () => new Promise(() => undefined);
  const { hls, port } = await viewer({ isLoaded: false });
  port.playback(1_000, 1, true);
  const begun = performance.now();
  const [one, other] = [load(hls, 0), load(hls, 1)];
  await until("both ends", () => one.told.length + other.told.length === 2);
  assert.deepEqual([one.told[0][0], other.told[0][0]], ["success", "success"]);
  assert.ok(performance.now() - begun >= 99, "they waited");
  assert.deepEqual(
    media().map(({ by }) => by),
    ["xhr", "xhr"],
  );
  load(hls, 2);
  assert.equal(media().length, 3, "the next one goes at once");
});

test("where nobody asks for a segment the engine begins all the same", async () => {
  const { engine } = await viewer();
  assert.deepEqual(engine.calls, []);
  await until("a manifest", () => engine.told("manifest").length > 0);
});

test("what is wished for first while something is buffered comes after all that the engine has to know", async () => {
  const { hls, engine, port } = await viewer();
  port.playback(4_000, 1, true);
  const { told } = load(hls, 1);
  load(hls, 2).loader.abort();
  assert.deepEqual(engine.calls, []);
  await until("a wish", () => engine.told("load").length > 0);
  await settled();
  const names = engine.calls.map(([name]) => name);
  assert.deepEqual(names, ["manifest", "playback", "load"], "and nothing of what was aborted");
  assert.deepEqual(engine.told("playback")[0], [4_000, 1, true]);
  assert.equal(engine.told("load")[0][1], "http://cdn.test/s1.ts");
  assert.deepEqual([told, media()], [[], []], "the player's own loader stays out of it");
});

test("a stream that ends before its engine begins leaves wishes to the player, and nothing behind", async () => {
  const { hls, engine, port, swarm } = await viewer();
  port.playback(4_000, 1, true);
  const { told } = load(hls, 1);
  swarm.destroy();
  await until("its end", () => told.length > 0);
  assert.deepEqual(told, [["success", 1_001]]);
  await settled();
  assert.deepEqual(engine.told("manifest"), []);
});
