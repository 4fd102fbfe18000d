// What words may say: the embed page's policy, the messages it takes, attributes, and p2p-media-loader's
// options. Values in, values out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { source } from "./source.mjs";

const { allowedOrigins, mayPlay } = await source("embed-policy");
const { readCommand } = await source("embed-messages");
const { liveOption, streamType, swarmOptions } = await source("player-options");
const { swarmConfig, swarmUpdate } = await source("compat-config");
const { readConfig } = await source("config");

test("origins: the page's own if none is named, never more than is named", () => {
  const own = "https://embed.example";
  assert.deepEqual(allowedOrigins("", own), [own]);
  assert.deepEqual(allowedOrigins("https://a.example/path, http://b.example:8080", own), [
    "https://a.example",
    "http://b.example:8080",
  ]);
  assert.deepEqual(allowedOrigins("* https://a.example", own), ["*"]);
  for (const nonsense of ["a.example", "data:,x", "null", "https://"]) {
    assert.deepEqual(allowedOrigins(nonsense, own), [], nonsense);
  }
});

test("hosts: any if none is named; a star is for what is below; only http and https", () => {
  const base = "https://embed.example/embed.html";
  const plays = (src, hosts) => mayPlay(src, hosts, base);
  assert.ok(plays("https://any.example/a.m3u8", ""));
  assert.ok(plays("a.m3u8", "embed.example"));
  assert.ok(plays("https://CDN.example/a.m3u8", "cdn.example *.b.example"));
  assert.ok(plays("https://x.b.example/a.m3u8", "cdn.example *.b.example"));
  assert.ok(plays("http://cdn.example:81/a", "cdn.example:81"));
  for (const refused of [
    "https://b.example/a.m3u8",
    "https://evilb.example/a.m3u8",
    "https://cdn.example.evil.example/a.m3u8",
    "https://cdn.example@evil.example/a.m3u8",
    "http://cdn.example:81/a",
  ]) {
    assert.ok(!plays(refused, "cdn.example:82 *.b.example"), refused);
  }
  for (const scheme of [
    "javascript:alert(1)",
    "data:text/html,x",
    "blob:https://a/b",
    "file:///a",
  ]) {
    assert.ok(!plays(scheme, ""), scheme);
  }
});

test("commands: what is one is read, all else is nothing", () => {
  const read = (message) => readCommand({ swarmline: 1, ...message })?.command;
  assert.equal(read({ command: "play" }), "play");
  assert.equal(read({ command: "seek", value: 3 }), "seek");
  assert.equal(read({ command: "load", value: "a.m3u8" }), "load");
  for (const nonsense of [
    { command: "seek", value: "3" },
    { command: "volume", value: Number.NaN },
    { command: "load" },
    { command: "toString" },
    { swarmline: 2, command: "play" },
  ]) {
    assert.equal(read(nonsense), undefined, JSON.stringify(nonsense));
  }
  for (const nonsense of [undefined, null, 1, "play", []]) {
    assert.equal(readCommand(nonsense), undefined);
  }
});

test("attributes become options; what is not said is not there", () => {
  const read = (words, type = "hls") => swarmOptions((word) => words[word] ?? null, type);
  assert.deepEqual(read({}), {});
  const said = read({
    ...{ p2p: "off", "tracker-urls": "wss://a, wss://b", "stun-servers": "", "max-peers": "4" },
    ...{ "upload-limit": "Infinity", "manifest-url": "d.json", "swarm-id": "x" },
  });
  assert.deepEqual(said, {
    ...{ enabled: false, trackerUrls: ["wss://a", "wss://b"], stunServers: [], maxPeers: 4 },
    ...{ uploadLimit: Number.POSITIVE_INFINITY, swarmId: "x" },
    integrity: { mode: undefined, manifestUrl: "d.json" },
  });
  readConfig(said);
  for (const wrong of ["", " ", "many", "4.5"]) {
    assert.throws(() => readConfig(read({ "max-peers": wrong })), { code: "invalid-max-peers" });
  }
  assert.deepEqual(liveOption("max-peers", null), { maxPeers: 10 });
  assert.deepEqual(liveOption("max-peers", "3"), { maxPeers: 3 });
  assert.equal(liveOption("swarm-id", "x"), undefined);
  assert.equal(liveOption("src", "x"), undefined);
  const modules = { wasm: "/a.wasm", "wasm-dash": "/b.wasm" };
  assert.deepEqual(read(modules), { wasm: "/a.wasm" });
  assert.deepEqual(read(modules, "dash"), { wasm: "/b.wasm" });
  assert.deepEqual(read({ wasm: "/a.wasm" }, "dash"), {}, "each kind has its own module");
});

test("a stream's kind is what is said, else what its address says", () => {
  const kinds = [
    ["https://a/b.m3u8?token=1.mpd", null, "hls"],
    ["https://a/b.MPD#t=1", null, "dash"],
    ["https://a/b.mp4", null, "file"],
    ["https://a/b", "application/vnd.apple.mpegurl", "hls"],
    ["https://a/b", "application/dash+xml", "dash"],
    ["https://a/b.m3u8", "video/mp4", "file"],
  ];
  for (const [src, said, kind] of kinds)
    assert.equal(streamType(src, said), kind, `${src} ${said}`);
});

test("p2p-media-loader's options in our words always pass our own check", () => {
  const full = {
    ...{ swarmId: "s", announceTrackers: ["wss://t"], isP2PUploadDisabled: true, p2pMaxPeers: 500 },
    ...{ segmentMemoryStorageLimit: 1, p2pNotReceivingBytesTimeoutMs: 2000.4 },
    rtcConfig: {
      iceServers: [
        { urls: ["stun:a", "turn:b"], username: "u", credential: "c" },
        { urls: "turn:nobody" },
      ],
    },
    ...{ highDemandTimeWindow: 30, anythingElse: {} },
    mainStream: { isP2PDisabled: true },
  };
  const config = swarmConfig(full);
  assert.deepEqual(config, {
    ...{ enabled: false, uploadLimit: 0, maxPeers: 100, cdnFallbackDelay: 2000 },
    ...{ memoryLimitBytes: 16 * 2 ** 20, swarmId: "s", trackerUrls: ["wss://t"] },
    stunServers: ["stun:a"],
    turnServers: [{ urls: ["turn:b"], username: "u", credential: "c" }],
  });
  readConfig(config);
  assert.deepEqual(swarmConfig({}), {});
  assert.deepEqual(swarmUpdate({ swarmId: "x", isP2PDisabled: false }), { enabled: true });
  readConfig(swarmConfig({ segmentMemoryStorageLimit: undefined, p2pMaxPeers: Number.NaN }));
});

test("what a page would miss of p2p-media-loader is said once on the console", (t) => {
  const warn = t.mock.method(console, "warn", () => undefined);
  swarmConfig({ httpRequestSetup: async () => undefined, httpErrorRetries: 1 });
  assert.equal(warn.mock.callCount(), 1);
  assert.match(String(warn.mock.calls[0].arguments[0]), /httpRequestSetup/);
});
