// hls.js's Loader contract, row by row, against the real hls.js.

import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { adapters, engines, hlsOf, pretendBrowser, settled, until, vod } from "./page.mjs";

pretendBrowser();
const { createSwarm, attachHls } = await adapters();
const open = [];

/** A player with a swarm whose engine runs; nothing is loaded yet. */
async function viewer(Hls, { network = vod(), config = {}, swarm: swarmConfig = {} } = {}) {
  const swarm = createSwarm(swarmConfig);
  const hls = new Hls({
    enableWorker: false,
    autoStartLoad: false,
    startFragPrefetch: true,
    ...config,
  });
  const detach = attachHls(swarm, hls);
  open.push(() => {
    hls.destroy();
    swarm.destroy();
  });
  hls.loadSource("http://cdn.test/vod.m3u8");
  const engine = await until("an engine", () => engines.at(-1));
  await until("a playlist", () => engine.told("manifest").length > 0);
  return { swarm, hls, detach, engine, network };
}

const policy = {
  maxTimeToFirstByteMs: 10_000,
  maxLoadTimeMs: 20_000,
  timeoutRetry: null,
  errorRetry: null,
};
const loaderConfig = (more) => ({
  loadPolicy: { ...policy, ...more },
  timeout: 200,
  maxRetry: 0,
  retryDelay: 0,
  maxRetryDelay: 0,
  highWaterMark: 131_072,
});
const contextOf = (more = {}) => ({
  type: "media-fragment",
  url: "http://cdn.test/s1.ts",
  responseType: "arraybuffer",
  frag: { sn: 1, type: "main" },
  part: null,
  headers: {},
  rangeStart: 0,
  rangeEnd: 0,
  ...more,
});

/** Loads with an instance of what hls.js would build; callbacks are kept in order. */
function load(hls, { context = contextOf(), config = loaderConfig(), progress = false } = {}) {
  const loader = new hls.config.fLoader(hls.config);
  const stats = loader.stats;
  const told = [];
  const tell =
    (name) =>
    (...args) =>
      told.push([name, ...args]);
  const callbacks = {
    onSuccess: tell("success"),
    onError: tell("error"),
    onTimeout: tell("timeout"),
    onAbort: (...args) => told.push(["abort", stats.aborted, ...args]),
  };
  if (progress) callbacks.onProgress = tell("progress");
  loader.load(context, config, callbacks);
  return { loader, stats, told, context };
}

const bytes = (length) => new Uint8Array(length).fill(9).buffer;
const ready = (engine, length, source = "peers", first = 20, transfer = 80) =>
  engine.host.ready(engine.told("load").at(-1)[0], bytes(length), first, transfer, source);

beforeEach(() => {
  engines.length = 0;
});
after(() => {
  for (const close of open) close();
});

for (const name of ["hls.js", "hls.js-1.6", "hls.js-1.5"]) {
  const Hls = hlsOf(name);
  const row = (what, run) => test(`${name} ${Hls.version}: ${what}`, { timeout: 10_000 }, run);

  row("hls.js asks the engine and gets its bytes as FRAG_LOADED", async () => {
    const { hls, engine } = await viewer(Hls);
    const loaded = new Promise((resolve) =>
      hls.once(Hls.Events.FRAG_LOADED, (_e, data) => resolve(data)),
    );
    hls.startLoad();
    await until("a wish", () => engine.told("load").length > 0);
    assert.deepEqual(engine.told("load")[0].slice(1), ["http://cdn.test/s0.ts", 0, 0, true]);
    engine.host.ready(engine.told("load")[0][0], bytes(1_000), 20, 80, "peers");
    const data = await loaded;
    assert.equal(data.payload.byteLength, 1_000);
    assert.equal(data.frag.stats.loaded, 1_000);
  });

  row("stats are there before load and keep their identity", async () => {
    const { hls, engine } = await viewer(Hls);
    const { stats, told, loader } = load(hls);
    assert.ok(stats.loading.start > 0);
    engine.host.progress(engine.told("load")[0][0], 400, 1_001);
    assert.deepEqual([stats.loaded, stats.total], [400, 1_001]);
    assert.ok(stats.loading.first >= stats.loading.start);
    ready(engine, 1_001);
    await settled();
    assert.equal(told[0][0], "success");
    assert.equal(told[0][2], stats);
    assert.equal(loader.stats, stats);
    assert.deepEqual([stats.loaded, stats.total], [1_001, 1_001]);
  });

  row("the answer never comes from inside load", async () => {
    const { hls, engine } = await viewer(Hls);
    engine.onLoad = (request) => engine.host.ready(request, bytes(10), 1, 1, "cache");
    const { told } = load(hls);
    assert.equal(told.length, 0);
    await settled();
    assert.deepEqual(
      told.map(([what]) => what),
      ["success"],
    );
    assert.equal(told[0][1].code, 200);
    assert.equal(told[0][4], null);
  });

  row("a cached segment reads as the rate its transfer had", async () => {
    const { hls, engine } = await viewer(Hls);
    const { stats } = load(hls);
    ready(engine, 1_000_000, "cache", 50, 1_000);
    await settled();
    const { start, first, end } = stats.loading;
    assert.ok(Math.abs(end - first - 1_000) < 1 && Math.abs(first - start - 50) < 1);
    assert.ok(Math.abs(stats.bwEstimate - 8_000_000) < 100_000);
  });

  row("onProgress hears every byte once, before onSuccess", async () => {
    const { hls, engine } = await viewer(Hls);
    const { told } = load(hls, { progress: true });
    ready(engine, 1_001);
    await settled();
    assert.deepEqual(
      told.map(([what]) => what),
      ["progress", "success"],
    );
    assert.equal(told[0][3].byteLength, 1_001);
    assert.equal(told[1][1].data, told[0][3]);
  });

  row("abort sets aborted first, then calls onAbort, then is silent", async () => {
    const { hls, engine } = await viewer(Hls);
    const { loader, told, stats, context } = load(hls);
    const [request] = engine.told("load")[0];
    loader.abort();
    assert.deepEqual(
      told.map((call) => call.slice(0, 4)),
      [["abort", true, stats, context]],
    );
    assert.deepEqual(engine.told("abort"), [[request]]);
    engine.host.ready(request, bytes(5), 1, 1, "peers");
    engine.host.failed(request, 500, false);
    engine.host.pass(request);
    await settled();
    assert.equal(told.length, 1);
    loader.abort();
    assert.equal(told.length, 1);
  });

  row("destroy is silent, also from inside a terminal callback", async () => {
    const { hls, engine } = await viewer(Hls);
    const { loader, told } = load(hls);
    loader.destroy();
    ready(engine, 5);
    await settled();
    assert.equal(told.length, 0);
    assert.equal(engine.told("abort").length, 1);
  });

  row("an abort while the answer is on its way wins", async () => {
    const { hls, engine } = await viewer(Hls);
    const { loader, told } = load(hls);
    ready(engine, 5);
    loader.abort();
    await settled();
    assert.deepEqual(
      told.map(([what]) => what),
      ["abort"],
    );
  });

  row("rangeEnd is exclusive, and a range reaches the engine as asked", async () => {
    const { hls, engine, network } = await viewer(Hls);
    load(hls, { context: contextOf({ rangeStart: 100, rangeEnd: 300 }) });
    const [request, url, start, end] = engine.told("load")[0];
    assert.deepEqual([url, start, end], ["http://cdn.test/s1.ts", 100, 300]);
    engine.host.startFetch(1, request, url, 150, 300, 50);
    await until("a body", () => engine.told("fetchDone").length > 0);
    assert.equal(network.requests.at(-1).headers.range, "bytes=150-299");
    assert.equal(engine.told("fetchBody")[0][1].length, 150);
    assert.deepEqual(engine.told("fetchHead")[0], [1, 206, 150, true]);
  });

  row("initialisation, parts, subtitles and shifted ranges go to the loader before", async () => {
    const { hls, engine, network } = await viewer(Hls);
    const others = [
      { frag: { sn: "initSegment", type: "main" } },
      { part: {} },
      { frag: { sn: 1, type: "subtitle" } },
      { resetIV: true, rangeStart: 16, rangeEnd: 48 },
    ];
    for (const other of others) {
      const { told } = load(hls, { context: contextOf(other) });
      await until("a success", () => told.length > 0);
      assert.equal(told[0][0], "success");
      assert.equal(network.requests.at(-1).by, "xhr");
    }
    assert.equal(engine.told("load").length, 0);
    assert.equal(engine.told("adopt").length, 0);
  });

  row("what the page's filter refuses is neither asked for nor kept", async () => {
    const tracks = new Set();
    const segmentFilter = (url, track) => {
      tracks.add(track);
      return !url.endsWith("s1.ts");
    };
    const { hls, engine, network } = await viewer(Hls, { swarm: { segmentFilter } });
    const { told } = load(hls, { context: contextOf({ frag: { sn: 1, type: "audio" } }) });
    await until("a success", () => told.length > 0);
    assert.equal(told[0][1].data.byteLength, 1_001);
    assert.equal(network.requests.at(-1).by, "xhr");
    assert.deepEqual([...engine.told("load"), ...engine.told("adopt")], []);
    load(hls, { context: contextOf({ url: "http://cdn.test/s2.ts" }) });
    assert.equal(engine.told("load")[0][1], "http://cdn.test/s2.ts");
    assert.deepEqual([...tracks], ["audio", "video"]);
  });

  row("a passed wish is loaded by the loader before, with its own stats and headers", async () => {
    const { hls, engine } = await viewer(Hls);
    const { told, stats, loader } = load(hls);
    engine.host.pass(engine.told("load")[0][0]);
    await until("a success", () => told.length > 0);
    assert.equal(told[0][1].data.byteLength, 1_001);
    assert.equal(told[0][2], stats);
    assert.equal(loader.getCacheAge(), 3);
    assert.equal(loader.getResponseHeader("age"), "3");
  });

  row("peer data has no cache age and no headers", async () => {
    const { hls } = await viewer(Hls);
    const { loader } = load(hls);
    assert.equal(loader.getCacheAge(), null);
    assert.equal(loader.getResponseHeader("Retry-After"), null);
  });

  row("what HTTP said is what the player hears", async () => {
    const { hls, engine, network } = await viewer(Hls);
    network.routes.set("/s1.ts", { status: 503 });
    engine.onFetch = (what, _fetch, status, timedOut) => {
      if (what === "fetchFailed") engine.host.failed(engine.told("load")[0][0], status, timedOut);
    };
    const { told } = load(hls, { config: loaderConfig({ maxTimeToFirstByteMs: 40 }) });
    engine.host.startFetch(4, engine.told("load")[0][0], "http://cdn.test/s1.ts", 0, 0, 0);
    await until("an error", () => told.length > 0);
    assert.equal(told[0][0], "error");
    assert.equal(told[0][1].code, 503);
    assert.equal(told[0][3].status, 503);
  });

  row("a failure that HTTP had no part in falls through to HTTP", async () => {
    const { hls, engine } = await viewer(Hls);
    const { told } = load(hls);
    engine.host.failed(engine.told("load")[0][0], 0, false);
    await until("an answer", () => told.length > 0);
    assert.equal(told[0][0], "success");
  });

  row("time to first byte is the player's, then onTimeout", async () => {
    const { hls, engine, network } = await viewer(Hls);
    network.routes.set("/s1.ts", { hang: true });
    engine.onFetch = (what, _fetch, status, timedOut) => {
      if (what === "fetchFailed") engine.host.failed(engine.told("load")[0][0], status, timedOut);
    };
    const started = performance.now();
    const { told } = load(hls, { config: loaderConfig({ maxTimeToFirstByteMs: 40 }) });
    engine.host.startFetch(4, engine.told("load")[0][0], "http://cdn.test/s1.ts", 0, 0, 0);
    await until("a time-out", () => told.length > 0);
    const took = performance.now() - started;
    assert.equal(told[0][0], "timeout");
    assert.ok(took >= 35, `${took} ms`);
  });

  row("maxLoadTimeMs ends a load that nobody answers", async () => {
    const { hls, engine } = await viewer(Hls);
    const { told } = load(hls, { config: loaderConfig({ maxLoadTimeMs: 60 }) });
    await until("a time-out", () => told.length > 0);
    assert.equal(told[0][0], "timeout");
    assert.equal(engine.told("abort").length, 1);
  });

  row("xhrSetup keeps its own loader class, in ranges of at most 256 KiB", async () => {
    const network = vod();
    network.routes.set("/s1.ts", { body: Buffer.alloc(600_000, 1) });
    const xhrSetup = (xhr) => xhr.setRequestHeader("X-Token", "t");
    const { hls, engine } = await viewer(Hls, { network, config: { xhrSetup } });
    load(hls);
    engine.host.startFetch(
      4,
      engine.told("load")[0][0],
      "http://cdn.test/s1.ts",
      100_000,
      600_000,
      100_000,
    );
    await until("the end", () => engine.told("fetchDone").length > 0);
    const asked = network.requests.filter(({ url }) => url.endsWith("/s1.ts"));
    assert.deepEqual(
      asked.map(({ headers }) => headers.range),
      ["bytes=100000-362143", "bytes=362144-599999"],
    );
    assert.ok(asked.every(({ by, headers }) => by === "xhr" && headers["x-token"] === "t"));
    assert.deepEqual(engine.told("fetchHead"), [[4, 206, 500_000, true]]);
    const total = engine.told("fetchBody").reduce((sum, [, body]) => sum + body.length, 0);
    assert.equal(total, 500_000);
  });

  row("a loader of the page's own whose origin ignores ranges gives the whole", async () => {
    const network = vod();
    network.routes.set("/s1.ts", { body: Buffer.alloc(9_000, 1), ignoreRange: true });
    class Own extends Hls.DefaultConfig.loader {}
    const { hls, engine } = await viewer(Hls, { network, config: { fLoader: Own } });
    load(hls);
    engine.host.startFetch(
      4,
      engine.told("load")[0][0],
      "http://cdn.test/s1.ts",
      5_000,
      9_000,
      5_000,
    );
    await until("the end", () => engine.told("fetchDone").length > 0);
    assert.deepEqual(engine.told("fetchHead"), [[4, 200, 9_000, false]]);
    assert.equal(network.requests.at(-1).by, "xhr");
  });

  row("a stopped fetch is not heard of again", async () => {
    const { hls, engine } = await viewer(Hls);
    load(hls);
    engine.host.startFetch(4, engine.told("load")[0][0], "http://cdn.test/s1.ts", 0, 0, 0);
    engine.host.stopFetch(4);
    await settled();
    assert.equal(engine.calls.filter(([call]) => call.startsWith("fetch")).length, 0);
  });
}
