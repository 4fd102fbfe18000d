// Shaka's contract for scheme plug-ins and filters, row by row, against the real NetworkingEngine of each version
// that we name: what is handed to the engine and what is not, what Shaka hears of a load that ends well, fails,
// is aborted or comes from a cache, for playlists and MPDs alike, and that its one registry is as before after
// detach. Players themselves are driven in `tests/browser`.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { afterEach, beforeEach, test } from "node:test";
import { aPage } from "../../tests/interop/page-stubs.js";
import { adapters, engines, Network, pretendBrowser, settled, until, wasm } from "./page.mjs";

aPage("", () => "");
let network;
// Shaka keeps the fetch that it finds when it is loaded.
globalThis.fetch = (...given) => network.fetch(...given);
pretendBrowser();
const { createSwarm, attachShaka } = await adapters();
const require = createRequire(import.meta.url);

const MPD = `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>`;
const PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\ns1.m4s\n#EXT-X-ENDLIST\n";
const open = [];
beforeEach(() => {
  engines.length = 0;
  wasm.load = () => Promise.resolve();
  network = new Network();
  network.routes.set("/a.mpd", { body: MPD });
  network.routes.set("/a.m3u8", { body: PLAYLIST });
  network.routes.set("/s1.m4s", { body: Buffer.alloc(1_001, 1) });
});
afterEach(async () => {
  for (const close of open.splice(0)) close();
  await settled();
});

for (const name of ["shaka-player", "shaka-player-4.16"]) {
  const shaka = require(name);
  const { NetworkingEngine } = shaka.net;
  const { RequestType, AdvancedRequestType } = NetworkingEngine;
  const { Code, Severity } = shaka.util.Error;
  const config = shaka.util.PlayerConfiguration.createDefault();
  const row = (what, run) =>
    test(`Shaka ${shaka.Player.version}: ${what}`, { timeout: 10_000 }, run);

  /** A player as far as adapters look at one: the real networking, no element. */
  function playerOf() {
    const progress = [];
    const networking = new NetworkingEngine((...report) => progress.push(report));
    networking.configure({ ...config.networking, minBytesForProgressEvents: 0 });
    const listeners = new Map();
    open.push(() => void networking.destroy());
    return {
      progress,
      networking,
      getNetworkingEngine: () => networking,
      getMediaElement: () => null,
      addEventListener: (type, listener) => listeners.set(type, listener),
      removeEventListener: (type) => listeners.delete(type),
      unload: () => listeners.get("unloading")?.(),
    };
  }

  /** What a player asks for: `context` as it says what for. */
  function ask(player, url, { type = RequestType.SEGMENT, context, headers = {}, more = {} } = {}) {
    const retry = { ...NetworkingEngine.defaultRetryParameters(), maxAttempts: 1, baseDelay: 1 };
    const uris = Array.isArray(url) ? url : [url];
    const request = NetworkingEngine.makeRequest(uris, { ...retry, ...more.retry });
    Object.assign(request.headers, headers);
    if (more.streamDataCallback) request.streamDataCallback = more.streamDataCallback;
    if (more.method) request.method = more.method;
    const media = {
      type: AdvancedRequestType.MEDIA_SEGMENT,
      segment: {},
      stream: { type: "video" },
    };
    return player.networking.request(type, request, context ?? media);
  }

  const manifest = (player, kind) =>
    ask(player, `http://cdn.test/a.${kind}`, {
      type: RequestType.MANIFEST,
      context: {
        type: kind === "mpd" ? AdvancedRequestType.MPD : AdvancedRequestType.MEDIA_PLAYLIST,
      },
    }).promise;

  /** A player whose engine runs and has heard the manifest. */
  async function watch({ kind = "mpd", swarm: wishes, options } = {}) {
    const player = playerOf();
    const swarm = createSwarm(wishes);
    const detach = attachShaka(swarm, player, shaka, options);
    open.push(() => swarm.destroy());
    await manifest(player, kind);
    const engine = await until("an engine", () => engines.at(-1));
    return { player, swarm, detach, engine };
  }

  const S1 = "http://cdn.test/s1.m4s";
  const wish = (engine) => until("a wish", () => engine.told("load").at(-1));
  const bytes = (length) => new Uint8Array(length).fill(9).buffer;
  const cdn = () => network.requests.filter(({ url }) => url.endsWith(".m4s"));

  for (const [kind, call] of [
    ["mpd", "mpd"],
    ["m3u8", "manifest"],
  ]) {
    row(
      `${kind}: what the manifest said is told, and media segments are the engine's`,
      async () => {
        const { player, engine } = await watch({ kind });
        assert.equal(engine.config.swarmId, `http://cdn.test/a.${kind}`);
        const [url, text] = (await until("the text", () => engine.told(call)[0])).slice(0, 2);
        assert.deepEqual(
          [url, text],
          [`http://cdn.test/a.${kind}`, kind === "mpd" ? MPD : PLAYLIST],
        );
        const { promise } = ask(player, S1, { headers: { Range: "bytes=100-299" } });
        const [request, ...asked] = await wish(engine);
        assert.deepEqual(asked, [S1, 100, 300, true], "the end is exclusive");
        engine.host.ready(request, bytes(200), 20, 80, "peers");
        const response = await promise;
        assert.equal(response.data.byteLength, 200);
        assert.deepEqual([response.uri, response.originalUri, response.status], [S1, S1, 200]);
        assert.equal(response.headers["content-length"], "200");
        // Shaka adds what filters take.
        assert.ok(!response.fromCache && response.timeMs >= 100, `${response.timeMs} ms`);
        assert.equal(cdn().length, 0);
      },
    );

    row(`${kind}: what the page's filter refuses is not shared`, async () => {
      const tracks = new Set();
      const segmentFilter = (url, track) => {
        tracks.add(track);
        return !url.endsWith("s1.m4s");
      };
      const { player, engine } = await watch({ kind, swarm: { segmentFilter } });
      const stream = { type: "audio" };
      const context = { type: AdvancedRequestType.MEDIA_SEGMENT, segment: {}, stream };
      const { data } = await ask(player, S1, { context }).promise;
      assert.equal(data.byteLength, 1_001);
      assert.equal(cdn().length, 1);
      assert.deepEqual([...engine.told("load"), ...engine.told("adopt")], []);
      // Its twin: the filter looks at each.
      ask(player, "http://cdn.test/s2.m4s");
      assert.equal((await wish(engine))[1], "http://cdn.test/s2.m4s");
      assert.deepEqual([...tracks], ["audio", "video"]);
    });
  }

  row("a segment that was here is from a cache, and is told with the time it took", async () => {
    const { player, engine } = await watch();
    const { promise } = ask(player, S1);
    engine.host.ready((await wish(engine))[0], bytes(50_000), 50, 200, "cache");
    assert.equal((await promise).fromCache, true);
    const sum = (at) => player.progress.reduce((total, report) => total + report[at], 0);
    assert.deepEqual([sum(0), sum(1)], [250, 50_000]);
  });

  row("all progress together is what was measured", async () => {
    const { player, engine } = await watch();
    const { promise } = ask(player, S1);
    const [request] = await wish(engine);
    engine.host.progress(request, 1, 50_000);
    await new Promise((resolve) => setTimeout(resolve, 120));
    engine.host.progress(request, 20_000, 50_000);
    engine.host.ready(request, bytes(50_000), 50, 400, "peers");
    await promise;
    const sum = (at) => player.progress.reduce((total, report) => total + report[at], 0);
    assert.equal(sum(1), 50_000);
    assert.ok(Math.abs(sum(0) - 450) < 1, `${sum(0)} ms`);
  });

  row("initialisation, text, indexes, other methods and low latency are Shaka's own", async () => {
    const { player, engine } = await watch();
    const { INIT_SEGMENT, MEDIA_SEGMENT } = AdvancedRequestType;
    const others = [
      { context: { type: INIT_SEGMENT, segment: {} } },
      { context: { type: MEDIA_SEGMENT, segment: {} }, more: { method: "HEAD" } },
      { type: RequestType.KEY },
      { type: RequestType.LICENSE },
      { type: RequestType.TIMING },
    ];
    for (const other of others) await ask(player, S1, other).promise;
    assert.equal(cdn().length, others.length);
    assert.deepEqual([...engine.told("load"), ...engine.told("adopt")], []);
  });

  row("an index is told as bytes from where it stands, and only of an MPD", async () => {
    for (const [kind, told] of [
      ["mpd", 1],
      ["m3u8", 0],
    ]) {
      const { player, engine } = await watch({ kind });
      const context = { type: AdvancedRequestType.MEDIA_SEGMENT };
      const asked = ask(player, S1, { context, headers: { Range: "bytes=10-109" } });
      engine.host.pass((await wish(engine))[0]);
      assert.equal((await asked.promise).data.byteLength, 100);
      assert.deepEqual(
        engine.told("index").map(([url, first, { length }]) => [url, first, length]),
        Array.from({ length: told }, () => [S1, 10, 100]),
      );
    }
  });

  for (const [kind, early] of [
    [
      "mpd",
      MPD.replace("<Period/>", '<Period><SegmentTemplate availabilityTimeOffset="3.5"/></Period>'),
    ],
    ["m3u8", PLAYLIST.replace("#EXTINF", "#EXT-X-PART-INF:PART-TARGET=0.5\n#EXTINF")],
  ]) {
    row(`${kind}: pieces of low latency are Shaka's own; a prefetch is not`, async () => {
      const more = { streamDataCallback: async () => undefined };
      const whole = await watch({ kind });
      ask(whole.player, S1, { more });
      await wish(whole.engine);
      network.routes.set(`/a.${kind}`, { body: early });
      const { player, engine } = await watch({ kind });
      await ask(player, S1, { more }).promise;
      assert.equal(engine.told("load").length, 0);
    });
  }

  row("an abort is OPERATION_ABORTED, and nothing comes after it", async () => {
    const { player, engine } = await watch();
    const pending = ask(player, S1);
    const [request] = await wish(engine);
    const failed = pending.promise.then(
      () => assert.fail("it was aborted"),
      (error) => error,
    );
    await pending.abort();
    assert.equal((await failed).code, Code.OPERATION_ABORTED);
    assert.deepEqual(engine.told("abort"), [[request]]);
    const reports = player.progress.length;
    engine.host.ready(request, bytes(9), 1, 1, "peers");
    await settled();
    assert.equal(player.progress.length, reports);
  });

  row(
    "what HTTP said is a recoverable error of Shaka's, and Shaka tries the next address",
    async () => {
      const { player, engine } = await watch();
      network.routes.set("/s1.m4s", { status: 503, body: "" });
      engine.onLoad = (request, url) => {
        if (!url.endsWith("s1.m4s")) return engine.host.ready(request, bytes(7), 1, 1, "peers");
        engine.onFetch = (what, fetch, status, timedOut) => {
          if (what === "fetchFailed") engine.host.failed(fetch, status, timedOut);
        };
        engine.host.startFetch(request, request, url, 0, 0);
      };
      const error = await ask(player, S1).promise.then(assert.fail, (reason) => reason);
      assert.ok(error instanceof shaka.util.Error);
      assert.deepEqual([error.code, error.data[1]], [Code.BAD_HTTP_STATUS, 503]);
      assert.equal(error.data[0], S1);
      const retry = { maxAttempts: 2 };
      const both = [S1, "http://cdn.test/s2.m4s"];
      const response = await ask(player, both, { more: { retry } }).promise;
      assert.equal(response.data.byteLength, 7);
      assert.deepEqual(
        engine.told("load").map(([, url]) => url),
        [S1, ...both],
      );
    },
  );

  row("the player's own time limit is a TIMEOUT, also where nobody answers", async () => {
    const { player, engine } = await watch();
    const retry = { timeout: 30 };
    const error = await ask(player, S1, { more: { retry } }).promise.then(assert.fail, (e) => e);
    assert.deepEqual([error.code, error.severity], [Code.TIMEOUT, Severity.CRITICAL]);
    assert.equal(engine.told("abort").length, 1);
  });

  row("a CDN that says nothing is tried again when Shaka would alone", async () => {
    const { player, engine } = await watch();
    network.routes.set("/s1.m4s", { hang: true });
    engine.onLoad = (request, url) => {
      engine.onFetch = (what, fetch, status, timedOut) => {
        if (what === "fetchFailed") engine.host.failed(fetch, status, timedOut);
      };
      if (engine.told("load").length > 1)
        return engine.host.ready(request, bytes(7), 1, 1, "peers");
      engine.host.startFetch(request, request, url, 0, 0);
    };
    const retry = { maxAttempts: 2, connectionTimeout: 1_200 };
    const started = performance.now();
    const awake = setInterval(() => undefined, 100); // Node waits for no timer of a second or more here
    const response = await ask(player, S1, { more: { retry } }).promise;
    clearInterval(awake);
    assert.equal(response.data.byteLength, 7);
    assert.deepEqual(engine.told("fetchFailed"), [[1, 0, true]]);
    // Signs of life come every second: without a clock of ours it would hang until Shaka's limit for all of it.
    assert.ok(performance.now() - started >= 1_000);
  });

  row("a wish that is passed, or that failed without HTTP, is Shaka's own plug-in's", async () => {
    const { player, engine } = await watch();
    for (const answer of [
      (request) => engine.host.pass(request),
      (request) => engine.host.failed(request, 0, false),
    ]) {
      engine.onLoad = answer;
      assert.equal((await ask(player, S1).promise).data.byteLength, 1_001);
    }
    assert.equal(cdn().length, 2);
  });

  row("two players on one page: each asks its own engine", async () => {
    const [first, second] = [await watch(), await watch()];
    ask(second.player, S1);
    await wish(second.engine);
    assert.equal(first.engine.told("load").length, 0);
    first.detach();
    ask(second.player, "http://cdn.test/s2.m4s");
    await until("its second wish", () => second.engine.told("load").length === 2);
    await ask(first.player, S1).promise;
    assert.equal(cdn().length, 1);
    assert.equal(second.engine.told("load").length, 2);
  });

  row("an app's own plug-in is asked by ours, and is back after the last detach", async () => {
    const { APPLICATION, PREFERRED } = NetworkingEngine.PluginPriority;
    const asked = [];
    const plugin = (...given) => {
      asked.push(given[0]);
      return shaka.net.HttpFetchPlugin.parse(...given);
    };
    NetworkingEngine.registerScheme("http", plugin, APPLICATION, true);
    try {
      const { player, engine, detach } = await watch({ options: { inner: { plugin } } });
      engine.onLoad = (request) => engine.host.pass(request);
      await ask(player, S1).promise;
      assert.deepEqual(asked, ["http://cdn.test/a.mpd", S1]);
      detach();
      detach();
      await ask(player, S1).promise;
      assert.deepEqual(asked.slice(2), [S1]);
      assert.equal(engine.told("load").length, 1);
    } finally {
      NetworkingEngine.unregisterScheme("http");
      NetworkingEngine.registerScheme("http", shaka.net.HttpFetchPlugin.parse, PREFERRED, true);
    }
  });

  row(
    "another stream leaves one swarm and joins the next; after detach all is Shaka's",
    async () => {
      const { player, engine, detach } = await watch();
      player.unload();
      assert.equal(engine.told("shutdown").length, 1);
      await manifest(player, "m3u8");
      const next = await until("another engine", () => engines.length === 2 && engines[1]);
      assert.equal(next.config.swarmId, "http://cdn.test/a.m3u8");
      detach();
      await ask(player, S1).promise;
      assert.deepEqual([next.told("load"), next.told("adopt")], [[], []]);
    },
  );
}
