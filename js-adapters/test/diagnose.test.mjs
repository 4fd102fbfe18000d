// «Why is there no P2P?»: each thing that can stand in the way is named, in the order in which one would mend
// them; and a report tells no secrets.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { source } from "./source.mjs";

const { diagnose } = await source("diagnose");
const { History } = await source("history");
const { emptyStats } = await source("stats");
const { readConfig } = await source("config");

const HOST = "candidate:1 1 udp 2122 192.0.2.7 5000 typ host generation 0";
const HIDDEN = "candidate:1 1 udp 2122 9b1c.local 5000 typ host generation 0";
let candidates;

class Connection {
  constructor(config) {
    Connection.config = config;
  }
  createDataChannel() {}
  async setLocalDescription() {
    for (const candidate of candidates) this.onicecandidate({ candidate: { candidate } });
    this.onicecandidateerror({ url: "stun:s.example:3478", errorText: "" });
    this.onicecandidate({ candidate: null });
  }
  close() {
    Connection.closed += 1;
  }
}

beforeEach(() => {
  globalThis.RTCPeerConnection = Connection;
  Connection.closed = 0;
  candidates = [HOST];
});
afterEach(() => {
  delete globalThis.RTCPeerConnection;
});

const segment = (more = {}) => ({
  track: "a",
  number: 7,
  url: "https://user:word@cdn.example/s7.ts?token=secret",
  source: "cdn",
  bytes: 1_000_000,
  peerBytes: 0,
  elapsedMs: 90.4,
  proven: true,
  senders: [],
  ...more,
});
const PEER = { id: "ab".repeat(20), receivedBytes: 0, sentBytes: 0, segments: 0, choked: false };

/** A running swarm of two whose tracker is there, but for what is said. */
async function find({ config = {}, stats = {}, said = [], silent = undefined } = {}) {
  const trackerUrls = ["wss://t.example/?key=secret"];
  const history = new History();
  for (const [kind, value] of said) history[kind](value);
  const now = {
    ...emptyStats(),
    state: "running",
    swarmSize: 2,
    trackers: [{ url: trackerUrls[0], state: "open", announces: 3 }],
    ...stats,
  };
  return diagnose(readConfig({ trackerUrls, ...config }), () => now, history, silent);
}

const count = (cdn) => ({ cache: 0, peers: 0, cdn, mixed: 0 });
const signature = ["complaint", { code: "signature", message: "s7.ts?token=secret is not signed" }];

for (const [code, given] of [
  [
    "failed",
    {
      stats: { state: "failed" },
      said: [["complaint", { code: "wasm-failed", message: "no module" }]],
    },
  ],
  ["disabled", { config: { enabled: false }, stats: { state: "off" } }],
  ["no-webrtc", { stats: { state: "off" } }],
  ["loading", { stats: { state: "loading" } }],
  ["sharing", { stats: { peerBytes: 5, offload: 0.5, peers: [PEER] } }],
  ["sharing", { stats: { uploadedBytes: 5, peers: [PEER] } }],
  ["no-tracker", { config: { trackerUrls: [] }, stats: { trackers: [] } }],
  [
    "tracker-unreachable",
    { stats: { trackers: [{ url: "wss://t", state: "closed", announces: 0 }] } },
  ],
  ["alone", { stats: { swarmSize: 1 } }],
  ["no-connections", {}],
  ["not-shareable", { stats: { peers: [PEER] }, said: [signature] }],
  [
    "not-shareable",
    {
      config: { integrity: "require" },
      stats: { peers: [PEER] },
      said: [["segment", segment({ proven: false })]],
    },
  ],
  ["too-early", { stats: { peers: [PEER], segments: count(2) } }],
  ["peers-lack-it", { stats: { peers: [PEER], segments: count(9) } }],
]) {
  test(`${code}: ${JSON.stringify(given).slice(0, 60)}`, async () => {
    const found = await find(given);
    assert.equal(found.code, code);
    assert.ok(found.text.startsWith(`${code}: ${found.verdict}`));
    assert.equal(Connection.closed, 1);
  });
}

test("a viewer who was not asked yet: no server hears of it", async () => {
  const found = await find({ stats: { state: "off" }, silent: "consent" });
  assert.deepEqual([found.code, found.ice, Connection.closed], ["no-consent", null, 0]);
});

test("what keeps a viewer from sending is told", async () => {
  assert.match(
    (await find({ silent: "metered" })).text,
    /uploadLimit Infinity \(nothing now: metered\)/,
  );
  assert.doesNotMatch((await find()).text, /nothing now/);
});

test("no WebRTC at all, none that may be made, and none that finds an address", async () => {
  candidates = [];
  assert.equal((await find()).code, "no-candidates");
  globalThis.RTCPeerConnection = class {
    constructor() {
      throw new Error("not allowed");
    }
  };
  assert.deepEqual(await find().then(({ code, ice }) => [code, ice]), ["no-webrtc", null]);
  delete globalThis.RTCPeerConnection;
  assert.equal((await find()).code, "no-webrtc");
});

test("the report says what was tried, and tells no secrets", async () => {
  candidates = [HOST, HIDDEN, HOST.replace("host", "relay")];
  const found = await find({
    config: {
      turnServers: [{ urls: "turn:t.example", username: "me", credential: "secret" }],
      publicKey: `${"A".repeat(43)}=`,
    },
    said: [
      ["segment", segment({ why: "elected" })],
      ["peer", { id: "1", state: "open", atMs: 1 }],
      ["peer", { id: "1", state: "closed", reason: "connect-timeout", atMs: 2 }],
      ["peer", { id: "2", state: "closed", reason: "connect-timeout", atMs: 3 }],
      signature,
      signature,
    ],
  });
  assert.deepEqual(found.ice, {
    types: { host: 2, relay: 1 },
    hidden: true,
    errors: ["stun:s.example:3478: no answer"],
  });
  assert.deepEqual(found.closed, { "connect-timeout": 2 });
  assert.equal(found.complaints.length, 1);
  assert.match(
    found.text,
    /7 cdn \(elected\), 1\.0 MB, 0\.0 MB of it from peers, 90 ms, digest, https:\/\/cdn\.example\/s7\.ts$/m,
  );
  assert.match(found.text, /2 connect-timeout/);
  const asked = Connection.config.iceServers.flatMap(({ urls }) => urls);
  assert.deepEqual(asked, [...readConfig({}).stunServers, "turn:t.example"]);
  for (const secret of ["secret", "192.0.2.7", "9b1c", "user:word"]) {
    assert.ok(!JSON.stringify(found).includes(secret), secret);
  }
});

test("what is kept is bounded, the newest last", () => {
  const history = new History();
  for (let number = 0; number < 100; number += 1) {
    history.segment(segment({ number }));
    history.peer({ id: String(number), state: "closed", reason: "gone", atMs: 0 });
    history.complaint({ code: `c${number}`, message: "" });
  }
  assert.deepEqual(
    [history.segments.length, history.closed.length, history.complaints.length],
    [10, 20, 20],
  );
  assert.equal(history.segments.at(-1).number, 99);
});
