// attachHls and the swarm's own life: late attach, detach, adoption, panic, no WebRTC, config.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { adapters, engines, hlsOf, pretendBrowser, settled, until, vod, wasm } from "./page.mjs";

pretendBrowser();
const { createSwarm, attachHls, OPTIONS, SwarmlineError } = await adapters();
const Hls = hlsOf("hls.js");
const SRC = "http://cdn.test/vod.m3u8?token=1";
let network;
const open = [];

function player(config = {}) {
  const hls = new Hls({ enableWorker: false, startFragPrefetch: true, ...config });
  open.push(() => hls.destroy());
  return hls;
}

function swarmOf(config) {
  const swarm = createSwarm(config);
  open.push(() => swarm.destroy());
  return swarm;
}

const loaded = (hls) =>
  new Promise((resolve) => hls.once(Hls.Events.FRAG_LOADED, (_e, data) => resolve(data)));
const media = () => network.requests.filter(({ url }) => url.endsWith(".ts"));

beforeEach(() => {
  engines.length = 0;
  network = vod();
  wasm.load = () => Promise.resolve();
});
afterEach(() => {
  for (const close of open.splice(0)) close();
});

test("before the module is ready the player's own loader runs and its bytes are adopted", async () => {
  const { createSwarm, attachHls } = await adapters(); // a module of its own: nothing loaded yet
  let arrive;
  wasm.load = () =>
    new Promise((resolve) => {
      arrive = resolve;
    });
  const swarm = createSwarm();
  open.push(() => swarm.destroy());
  const hls = player();
  attachHls(swarm, hls);
  hls.loadSource(SRC);
  const { payload } = await loaded(hls);
  assert.equal(payload.byteLength, 1_000);
  assert.equal(media()[0].by, "xhr");
  assert.equal(swarm.stats().state, "loading");
  structuredClone(payload, { transfer: [payload] }); // as the player's worker does
  arrive();
  const engine = await until("an engine", () => engines.at(-1));
  const [url, start, end, bytes] = engine.told("adopt")[0];
  assert.deepEqual([url, start, end, bytes.length], ["http://cdn.test/s0.ts", 0, 0, 1_000]);
  assert.ok(bytes.every((byte) => byte === 1));
  assert.equal(engine.calls[0][0], "manifest");
  assert.equal(swarm.stats().state, "running");
});

for (const hasFrame of [true, false]) {
  test(`the module waits for the first frame${hasFrame ? "" : ", but not for ever"}`, async () => {
    const { createSwarm, attachHls } = await adapters({ waits: true }); // a module of its own: nothing loaded yet
    let asked = 0;
    wasm.load = async () => {
      asked += 1;
    };
    const swarm = createSwarm();
    open.push(() => swarm.destroy());
    const hls = player();
    attachHls(swarm, hls);
    hls.loadSource(SRC);
    await loaded(hls);
    await settled();
    assert.equal(asked, 0);
    if (hasFrame) swarm[Symbol.for("swarmline.port.1")].started();
    await until("an engine", () => engines.at(-1), hasFrame ? 1_000 : 9_000);
    assert.equal(asked, 1);
  });
}

test("a swarm is named by the manifest's URL without query, or by swarmId", async () => {
  for (const [config, name] of [
    [{}, "http://cdn.test/vod.m3u8"],
    [{ swarmId: "one" }, "one"],
  ]) {
    engines.length = 0;
    const hls = player();
    attachHls(swarmOf(config), hls);
    hls.loadSource(SRC);
    const engine = await until("an engine", () => engines.at(-1));
    assert.equal(engine.config.swarmId, name);
  }
});

test("a late attach reads what the player knows already", async () => {
  const hls = player({ autoStartLoad: false });
  hls.loadSource(SRC);
  await until("a level", () => hls.levels[0]?.details);
  attachHls(swarmOf(), hls);
  const engine = await until("an engine", () => engines.at(-1));
  await until("a playlist", () => engine.told("manifest").length > 0);
  const [url, text] = engine.told("manifest")[0];
  assert.equal(url.split("?")[0], "http://cdn.test/vod.m3u8");
  assert.match(text, /s3\.ts/);
  hls.startLoad();
  await until("a wish", () => engine.told("load").length > 0);
});

test("loadSource again leaves one swarm and joins the next", async () => {
  const hls = player();
  attachHls(swarmOf(), hls);
  hls.loadSource(SRC);
  const first = await until("an engine", () => engines[0]);
  network.routes.set("/two.m3u8", network.routes.get("/vod.m3u8"));
  hls.loadSource("http://cdn.test/two.m3u8");
  const second = await until("a second engine", () => engines[1]);
  assert.equal(first.told("shutdown").length, 1);
  assert.equal(second.config.swarmId, "http://cdn.test/two.m3u8");
});

test("detach restores the loaders, twice does no harm, and wishes under way go to HTTP", async () => {
  class Own extends Hls.DefaultConfig.loader {}
  const hls = player({ fLoader: Own });
  const swarm = swarmOf();
  const detach = attachHls(swarm, hls);
  assert.notEqual(hls.config.fLoader, Own);
  hls.loadSource(SRC);
  const engine = await until("an engine", () => engines.at(-1));
  await until("a wish", () => engine.told("load").length > 0);
  const done = loaded(hls);
  detach();
  detach();
  assert.equal(hls.config.fLoader, Own);
  assert.equal(hls.config.pLoader, undefined);
  assert.equal((await done).payload.byteLength, 1_000);
  assert.equal(engine.told("shutdown").length, 1);
  attachHls(swarm, hls);
  assert.notEqual(hls.config.fLoader, Own);
  swarm.destroy();
  assert.equal(hls.config.fLoader, Own);
});

test("a loader that somebody put in front of ours stays, and ours passes after detach", async () => {
  const hls = player();
  const detach = attachHls(swarmOf(), hls);
  class Theirs extends hls.config.fLoader {}
  hls.config.fLoader = Theirs;
  detach();
  assert.equal(hls.config.fLoader, Theirs);
  hls.loadSource(SRC);
  assert.equal((await loaded(hls)).payload.byteLength, 1_000);
});

test("one swarm serves one player", () => {
  const swarm = swarmOf();
  attachHls(swarm, player());
  assert.throws(() => attachHls(swarm, player()), {
    name: "SwarmlineError",
    code: "already-attached",
  });
  swarm.destroy();
  assert.throws(() => attachHls(swarm, player()), { code: "destroyed" });
  assert.throws(() => attachHls({}, player()), { code: "invalid-swarm" });
  assert.throws(() => attachHls(swarmOf(), {}), { code: "invalid-player" });
});

test("the player's end detaches", async () => {
  const hls = player();
  const swarm = swarmOf();
  attachHls(swarm, hls);
  hls.loadSource(SRC);
  const engine = await until("an engine", () => engines.at(-1));
  hls.destroy();
  assert.equal(engine.told("shutdown").length, 1);
  attachHls(swarm, player());
});

test("a panic turns the adapter into a plain loader, said once", async () => {
  const hls = player();
  const swarm = swarmOf();
  const errors = [];
  swarm.on("error", (error) => errors.push(error));
  attachHls(swarm, hls);
  hls.loadSource(SRC);
  const engine = await until("an engine", () => engines.at(-1));
  await until("a wish", () => engine.told("load").length > 0);
  const done = loaded(hls);
  engine.host.event({ type: "panic", message: "told" });
  assert.equal((await done).payload.byteLength, 1_000);
  engine.host.event({ type: "panic", message: "again" });
  assert.deepEqual(
    errors.map(({ code }) => code),
    ["engine-panic"],
  );
  assert.ok(errors[0] instanceof SwarmlineError);
  assert.equal(swarm.stats().state, "failed");
});

test("an engine that throws counts as a panic", async () => {
  const hls = player({ autoStartLoad: false });
  const swarm = swarmOf();
  attachHls(swarm, hls);
  const done = loaded(hls);
  hls.loadSource(SRC);
  const engine = await until("an engine", () => engines.at(-1));
  await until("a level", () => engine.told("manifest").length > 0);
  engine.onLoad = () => {
    throw new Error("unreachable");
  };
  hls.startLoad();
  assert.equal((await done).payload.byteLength, 1_000);
  assert.equal(swarm.stats().state, "failed");
});

test("a module that cannot be loaded is one error, and playback goes on", async () => {
  const { createSwarm, attachHls } = await adapters();
  wasm.load = () => Promise.reject(new Error("404"));
  const swarm = createSwarm();
  const errors = [];
  swarm.on("error", (error) => errors.push(error.code));
  const hls = player();
  attachHls(swarm, hls);
  hls.loadSource(SRC);
  assert.equal((await loaded(hls)).payload.byteLength, 1_000);
  assert.deepEqual(errors, ["wasm-failed"]);
  swarm.destroy();
});

test("enabled: false is CDN-only, and can be turned on and off while playing", async () => {
  const hls = player({ autoStartLoad: false });
  const swarm = swarmOf({ enabled: false });
  attachHls(swarm, hls);
  hls.loadSource(SRC);
  await until("a level", () => hls.levels[0]?.details);
  await settled();
  assert.equal(engines.length, 0);
  assert.equal(swarm.stats().state, "off");
  swarm.update({ enabled: true });
  const engine = await until("an engine", () => engines.at(-1));
  await until("a playlist", () => engine.told("manifest").length === 1);
  swarm.update({ enabled: false });
  assert.deepEqual(engine.told("update").at(-1), [{ enabled: false }]);
  const done = loaded(hls);
  hls.startLoad();
  await done;
  assert.equal(engine.told("load").length, 0);
});

test("no WebRTC: CDN-only, silent but for one warning", async () => {
  pretendBrowser(false);
  globalThis.document = {};
  try {
    const swarm = swarmOf();
    const warnings = [];
    swarm.on("warning", ({ code }) => warnings.push(code));
    const hls = player();
    attachHls(swarm, hls);
    hls.loadSource(SRC);
    await loaded(hls);
    assert.deepEqual(warnings, ["no-webrtc"]);
    assert.equal(swarm.stats().state, "off");
    assert.equal(engines.length, 0);
  } finally {
    delete globalThis.document;
    pretendBrowser();
  }
});

test("events reach their listeners; a listener that throws harms nobody", async () => {
  const hls = player();
  const swarm = swarmOf();
  attachHls(swarm, hls);
  hls.loadSource(SRC);
  const engine = await until("an engine", () => engines.at(-1));
  const heard = [];
  const off = swarm.on("peer", (peer) => heard.push(peer));
  engine.host.event({ type: "peer", id: "aa", state: "open", atMs: 3 });
  off();
  engine.host.event({ type: "peer", id: "bb", state: "open", atMs: 4 });
  assert.deepEqual(heard, [{ id: "aa", state: "open", atMs: 3 }]);
  assert.equal(swarm.stats().cdnBytes, 7);
  assert.equal(swarm.stats().wasmMemoryBytes, 65_536);
});

test("stats have their full shape from the first moment", () => {
  const swarm = swarmOf();
  const keys = Object.keys(swarm.stats());
  for (const key of [
    "cdnBytes",
    "peerBytes",
    "uploadedBytes",
    "discardedBytes",
    "offload",
    "segments",
    "peers",
    "trackers",
    "startupMs",
    "stallMs",
    "state",
    "wasmMemoryBytes",
  ]) {
    assert.ok(keys.includes(key), key);
  }
  assert.equal(swarm.stats().state, "loading");
});

test("a wrong option throws a code and its field; every default passes", () => {
  const wrong = {
    enabled: 1,
    onConsent: true,
    maxPeers: 101,
    segmentTimeout: 1,
    cdnFallbackDelay: -1,
    uploadLimit: Number.NaN,
    uploadWhen: ["always"],
    uploadBudget: -1,
    trackerUrls: ["https://x"],
    stunServers: "stun:x",
    turnServers: [{}],
    privacy: "all",
    swarmId: "",
    segmentFilter: "s",
    joinToken: 1,
    integrity: "maybe",
    publicKey: "",
    memoryLimitBytes: 1,
    diskCache: 1,
    mode: "off",
    wasm: 5,
  };
  assert.deepEqual(Object.keys(wrong).sort(), Object.keys(OPTIONS).sort());
  for (const [field, value] of Object.entries(wrong)) {
    const { code, default: fallback } = OPTIONS[field];
    assert.throws(() => createSwarm({ [field]: value }), { name: "SwarmlineError", code, field });
    swarmOf({ [field]: fallback });
  }
  assert.throws(() => createSwarm({ maxPears: 1 }), { code: "unknown-option", field: "maxPears" });
  assert.throws(() => createSwarm([]), { code: "invalid-config" });
  assert.throws(() => swarmOf().update({ swarmId: "x" }), {
    code: "not-changeable",
    field: "swarmId",
  });
  for (const publicKey of ["abc", `${"A".repeat(42)}B=`, "A".repeat(44)]) {
    assert.throws(() => createSwarm({ publicKey }), { code: "invalid-public-key" });
  }
  for (const manifestUrl of ["", "data:,{}", 5, "http://"]) {
    assert.throws(() => createSwarm({ integrity: { manifestUrl } }), { code: "invalid-integrity" });
  }
  assert.throws(() => createSwarm({ mode: "shadow" }), { code: "not-supported", field: "mode" });
});

test("a join token reaches the engine as it is", async () => {
  const hls = player();
  attachHls(swarmOf({ joinToken: "a.b.c" }), hls);
  hls.loadSource(SRC);
  const { config } = await until("an engine", () => engines.at(-1));
  assert.equal(config.joinToken, "a.b.c");
});

/** An attached player's engine, of a page whose sidecar is at `manifestUrl`. */
async function withSidecar(manifestUrl, publicKey) {
  const hls = player();
  attachHls(swarmOf({ integrity: { mode: "require", manifestUrl }, publicKey }), hls);
  hls.loadSource(SRC);
  return until("an engine", () => engines.at(-1));
}

test("where digests are and whose they are reach the engine", async () => {
  const publicKey = `${"A".repeat(43)}=`;
  const { config } = await withSidecar("digests.json", publicKey);
  assert.equal(config.integrity, "require");
  assert.equal(config.manifestUrl, "http://page.test/digests.json");
  assert.equal(config.publicKey, publicKey);
});

test("a text is fetched as the page would, and comes whole or not at all", async () => {
  const engine = await withSidecar("digests.json");
  const body = `{"ü":"${"x".repeat(9)}"}`;
  network.routes.set("/d.json", { body });
  engine.host.fetchText(1, "http://cdn.test/d.json");
  await until("the text", () => engine.told("textReady").length);
  assert.deepEqual(engine.told("textReady"), [[1, "http://cdn.test/d.json", body]]);
  const asked = network.requests.find(({ url }) => url.endsWith("d.json"));
  assert.equal(asked.by, "fetch");
  assert.equal(asked.init.credentials, "same-origin");
  assert.equal(asked.init.cache, "no-cache");

  network.routes.set("/long.json", { body: Buffer.alloc(32 * 2 ** 20 + 1, 32) });
  for (const [text, name] of [
    [2, "gone.json"],
    [3, "long.json"],
  ]) {
    engine.host.fetchText(text, `http://cdn.test/${name}`);
    await until("a failure", () => engine.told("textFailed").some(([id]) => id === text));
  }
  assert.deepEqual(engine.told("textFailed"), [
    [2, 404],
    [3, 0],
  ]);
  assert.equal(engine.told("textReady").length, 1);
});
