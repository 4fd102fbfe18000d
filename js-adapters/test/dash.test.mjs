// dash.js 5's loader contract, row by row, with the real player: what is handed to the engine and what is not, what
// the player hears of a load that ends well, fails, times out or is aborted, what its estimate is told, and that it
// is as before after detach.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { dashPlayer, dashVod } from "./dash-page.mjs";
import { adapters, engines, pretendBrowser, settled, until, wasm } from "./page.mjs";

pretendBrowser();
const { createSwarm, attachDash } = await adapters();
const SRC = "http://cdn.test/a.mpd";

const open = [];
let network;
beforeEach(() => {
  engines.length = 0;
  network = dashVod();
  wasm.load = () => Promise.resolve();
});
afterEach(async () => {
  for (const close of open.splice(0)) close();
  await settled();
});

/** A player that loads a stream, and what its adapter and it saw. */
function watch({ src = SRC, config, settings, answer, before = () => undefined } = {}) {
  const player = dashPlayer(settings);
  const swarm = createSwarm(config);
  const seen = { responses: [], errors: [], metrics: [] };
  before(player);
  const detach = attachDash(swarm, player);
  open.push(() => {
    swarm.destroy();
    player.destroy();
  });
  player.initialize(undefined, undefined, false);
  player.addResponseInterceptor(async (response) => {
    seen.responses.push(response);
    return response;
  });
  player.on("error", ({ error }) => seen.errors.push(error));
  player.on("metricAdded", ({ metric, value }) => {
    if (metric === "HttpList") seen.metrics.push(value);
  });
  player.attachSource(src);
  player.preload();
  const engine = until("an engine", () => engines.at(-1)).then((found) => {
    found.answers((request, url, start, end) => answer?.(found, request, url, start, end));
    return found;
  });
  return { player, swarm, detach, seen, engine };
}

const byFile = (seen, name) => seen.responses.filter(({ request }) => request.url.endsWith(name));
const asked = (name) => network.requests.filter(({ url }) => url.endsWith(name));
const pass = (engine, request) => engine.host.pass(request);
const brings =
  (bytes, firstByteMs = 5, transferMs = 100) =>
  (engine, request) =>
    engine.host.ready(request, new ArrayBuffer(bytes), firstByteMs, transferMs, "peers");

test("media segments are the engine's; the MPD and initialisation are dash.js's, and are told", async () => {
  const { engine, seen } = watch({ answer: brings(2_000) });
  const { told } = await engine;
  await until("the last segment", () => byFile(seen, "s7.m4s").length > 0);
  const { calls } = await engine;
  assert.equal(typeof told, "function");
  const [[url, text]] = calls.filter(([name]) => name === "mpd").map(([, ...args]) => args);
  assert.deepEqual([url, text.slice(0, 4)], [SRC, "<MPD"]);
  assert.equal(asked("init.mp4").length, 1);
  const wishes = calls.filter(([name]) => name === "load");
  // The engine may not be there for the first; then dash.js's own loader brought it, and it is adopted.
  const adopted = calls.filter(([name]) => name === "adopt");
  assert.equal(wishes.length + adopted.length, 8);
  assert.equal(asked(".m4s").length, adopted.length);
  for (const [, , from, start, end, media] of wishes) {
    assert.match(from, /^http:\/\/cdn\.test\/s\d\.m4s$/);
    assert.deepEqual([start, end, media], [0, 0, true]);
  }
});

test("a response is filled in as XHR would", async () => {
  const { engine, seen } = watch({ answer: brings(2_000) });
  await engine;
  await until("the last segment", () => byFile(seen, "s7.m4s").length > 0);
  const [{ url, status, statusText, headers, data }] = byFile(seen, "s7.m4s");
  assert.deepEqual([url, status, statusText], ["http://cdn.test/s7.m4s", 200, "OK"]);
  assert.equal(headers["content-length"], "2000");
  assert.ok(data instanceof ArrayBuffer && data.byteLength === 2_000);
  assert.deepEqual(seen.errors, []);
});

test("the estimate is told what was measured, whatever the wait", async () => {
  const { engine, seen, player } = watch({
    answer: (engine, request) => {
      setTimeout(() => {
        engine.host.progress(request, 1, 50_000);
        brings(50_000, 5, 100)(engine, request);
      }, 30);
    },
  });
  await engine;
  const value = await until("a metric", () =>
    seen.metrics.find(({ url, trace }) => url.endsWith("s5.m4s") && trace.length > 1),
  );
  const [first, ...rest] = value.trace;
  const sum = (what) => rest.reduce((total, trace) => total + what(trace), 0);
  assert.equal(first.b[0], 0, "dash.js leaves the first report out");
  assert.equal(
    sum(({ b }) => b[0]),
    50_000,
  );
  assert.ok(Math.abs(sum(({ d }) => d) - 100) < 1);
  await until("a throughput", () => player.getAverageThroughput("video") > 0);
  const kbit = player.getAverageThroughput("video");
  assert.ok(kbit > 3_000 && kbit < 5_000, `${kbit} kbit/s of 4,000`);
});

test("what the engine does not know is dash.js's own loader's", async () => {
  const { engine, seen } = watch({ answer: pass });
  await engine;
  await until("the last segment", () => byFile(seen, "s7.m4s").length > 0);
  assert.equal(asked(".m4s").length, 8);
  assert.equal(byFile(seen, "s7.m4s")[0].statusText, "said");
});

test("the engine's fetches carry the player's headers, not its range", async () => {
  const { engine } = watch({
    src: "http://cdn.test/b.mpd",
    answer: (engine, request, url, start, end) =>
      engine.host.startFetch(request, request, url, start, end),
    before: (player) => {
      player.addRequestInterceptor(async (request) => {
        request.headers = { ...request.headers, "x-token": "t" };
        return request;
      });
    },
  });
  await engine;
  const fetched = await until("a fetch", () => network.requests.find(({ by }) => by === "fetch"));
  assert.equal(fetched.headers["x-token"], "t");
  assert.match(fetched.headers.range, /^bytes=\d+-\d+$/);
  assert.equal(fetched.init.credentials, "same-origin");
});

test("an index is told, and ranges are asked for as dash.js asks", async () => {
  const { engine, seen } = watch({ src: "http://cdn.test/b.mpd", answer: brings(1_000) });
  const found = await engine;
  await until("all segments", () => byFile(seen, "one.mp4").length >= 6);
  const [[url, first, bytes]] = found.told("index");
  assert.deepEqual([url, first], ["http://cdn.test/one.mp4", 10]);
  assert.equal(Buffer.from(bytes).toString("latin1", 4, 8), "sidx");
  const start = 10 + bytes.length;
  const ranges = [
    ...found.told("load").map((args) => args.slice(2, 4)),
    ...found.told("adopt").map((args) => args.slice(1, 3)),
  ];
  const sorted = ranges.toSorted(([a], [b]) => a - b);
  assert.deepEqual(
    sorted,
    [0, 1, 2, 3].map((n) => [start + n * 1_000, start + (n + 1) * 1_000]),
  );
});

test("a failure is what HTTP said, and dash.js retries by itself", async () => {
  const tried = new Map();
  const { engine, seen } = watch({
    settings: { retryAttempts: { MediaSegment: 1 }, retryIntervals: { MediaSegment: 1 } },
    answer: (engine, request, url) => {
      tried.set(url, (tried.get(url) ?? 0) + 1);
      if (!url.endsWith("s4.m4s")) return brings(2_000)(engine, request);
      engine.onFetch = (name, fetch, status) => {
        if (name === "fetchFailed" && fetch === request) engine.host.failed(request, status, false);
      };
      engine.host.startFetch(request, request, url, 0, 0);
    },
  });
  network.routes.set("/s4.m4s", { status: 403, body: "" });
  await engine;
  const error = await until("an error", () => seen.errors[0]);
  assert.equal(tried.get("http://cdn.test/s4.m4s"), 2);
  assert.deepEqual(
    byFile(seen, "s4.m4s").map(({ status }) => status),
    [403, 403],
  );
  assert.equal(error.data.response.status, 403);
});

test("a failure that HTTP had no part in is dash.js's own loader's", async () => {
  const { engine, seen } = watch({
    answer: (engine, request) => engine.host.failed(request, 0, false),
  });
  await engine;
  await until("the last segment", () => byFile(seen, "s7.m4s").length > 0);
  assert.deepEqual(seen.errors, []);
});

test("a segment that takes too long is a timeout", async () => {
  const { engine, seen } = watch({ settings: { fragmentRequestTimeout: 30 } });
  const found = await engine;
  const [wish] = await until("a wish", () => found.told("load")[0] && [found.told("load")[0]]);
  await until("an error", () => seen.errors.length > 0);
  assert.ok(found.told("abort").some(([request]) => request === wish[0]));
});

test("an aborted load is silent but for onabort, and nothing comes after it", async () => {
  const { engine, seen, player } = watch({});
  const found = await engine;
  const [request] = await until("a wish", () => found.told("load")[0]);
  player.attachSource("http://cdn.test/b.mpd");
  await until("an abort", () => found.told("abort").length > 0);
  const count = seen.responses.length;
  found.host.ready(request, new ArrayBuffer(9), 1, 1, "peers");
  await settled();
  const late = seen.responses.slice(count).filter(({ data }) => data?.byteLength === 9);
  assert.deepEqual(late, []);
  assert.deepEqual(seen.errors, []);
});

test("another source leaves one swarm and joins the next", async () => {
  const { engine, player, seen } = watch({ answer: brings(2_000) });
  const first = await engine;
  await until("a segment", () => first.told("load").length > 0);
  player.attachSource("http://cdn.test/b.mpd");
  player.preload();
  const second = await until("another engine", () => engines.length > 1 && engines[1]);
  second.answers((request) => brings(1_000)(second, request));
  assert.equal(first.told("shutdown").length, 1);
  assert.equal(second.config.swarmId, "http://cdn.test/b.mpd");
  await until("its segments", () => byFile(seen, "one.mp4").length > 2);
});

test("after detach dash.js is alone, and can be attached again", async () => {
  const { engine, player, detach, seen } = watch({ answer: brings(2_000) });
  const first = await engine;
  await until("the last segment", () => byFile(seen, "s7.m4s").length > 0);
  detach();
  detach();
  const calls = first.calls.length;
  network.requests.length = 0;
  player.attachSource(SRC);
  player.preload();
  await until("all from the CDN", () => asked(".m4s").length === 8);
  assert.equal(engines.length, 1);
  assert.equal(first.calls.length, calls);
  const again = createSwarm();
  open.push(() => again.destroy());
  attachDash(again, player);
  player.attachSource(SRC);
  player.preload();
  await until("another engine", () => engines.length === 2);
});

test("one player shares through one swarm, and only a player can", () => {
  const { player, swarm } = watch({});
  const other = createSwarm();
  open.push(() => other.destroy());
  assert.throws(() => attachDash(other, player), { code: "already-attached" });
  assert.throws(() => attachDash(swarm, dashPlayer()), { code: "already-attached" });
  for (const wrong of [undefined, null, {}, { extend() {} }]) {
    assert.throws(() => attachDash(other, wrong), { code: "invalid-player" });
  }
});

test("what the page's filter refuses is not shared", async () => {
  const tracks = new Set();
  const segmentFilter = (url, track) => {
    tracks.add(track);
    return !url.includes("s3");
  };
  const { engine, seen } = watch({ config: { segmentFilter }, answer: brings(2_000) });
  const found = await engine;
  await until("the last segment", () => byFile(seen, "s7.m4s").length > 0);
  assert.equal(asked("s3.m4s").length, 1);
  const told = [
    ...found.told("load").map(([, url]) => url),
    ...found.told("adopt").map(([url]) => url),
  ];
  assert.equal(told.length, 7);
  assert.ok(!told.some((url) => url.includes("s3")));
  assert.deepEqual([...tracks], ["video"]);
});
