// @ts-check
// Who cannot be reached but through a relay: our tracker hands out credentials of its coturn, the page's
// connections use them. The page is held to relays by its own `RTCPeerConnection`; without a TURN server it
// meets nobody. Skipped where there is no coturn.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startOurTracker } from "../interop/our-tracker.js";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { hlsBuilds, Origin, startBrowser, Viewer, wrongFragment } from "./harness.js";

const hasCoturn = spawnSync("turnserver", ["--version"]).error === undefined;
const why = hasFfmpeg
  ? "no turnserver here (Debian: apt-get install coturn)"
  : "no ffmpeg to make the fixtures";
const skip = hasFfmpeg && hasCoturn ? false : why;
const limits = { skip, timeout: 120_000 };

/** So that it is long enough in need of segments for a link to open, however busy the machine. */
const shortBuffer = { maxBufferLength: 4, maxMaxBufferLength: 4 };

const secret = "a secret that two programs share";
/** An address that Chromium uses too. */
const host =
  Object.values(networkInterfaces())
    .flat()
    .find((it) => it?.family === "IPv4" && !it.internal)?.address ?? "127.0.0.1";

/** @type {string} */
let folder;
/** @type {import("node:child_process").ChildProcess} */
let coturn;
/** @type {string} */
let url;
/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), "swarmline-turn-"));
  writeFileSync(join(folder, "secret"), secret);
  const free = createSocket("udp4").bind(0, host);
  await once(free, "listening");
  const { port } = free.address();
  await new Promise((closed) => free.close(() => closed(undefined)));
  url = `turn:${host}:${port}`;
  const flags = [
    ...["-n", "--use-auth-secret", `--static-auth-secret=${secret}`, "--realm=tracker.example"],
    ...["--no-tls", "--no-dtls", "--no-cli", "--allow-loopback-peers", "--log-file=stdout"],
    ...[`--listening-ip=${host}`, `--relay-ip=${host}`, `--listening-port=${port}`],
    ...[`--userdb=${join(folder, "db")}`, `--pidfile=${join(folder, "pid")}`],
  ];
  coturn = spawn("turnserver", flags, { stdio: "ignore" });
  origin = await Origin.start({ "/media/ts": fixture("ts") }, ["--no-tracker"]);
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await origin?.stop();
  coturn?.kill();
  if (folder) rmSync(folder, { recursive: true });
});

/** In the page: connections use relays alone. */
function relaysOnly() {
  const Native = RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    /** @param {RTCConfiguration} [configuration] */
    constructor(configuration) {
      super({ ...configuration, iceTransportPolicy: "relay" });
    }
  };
}

/**
 * What becomes of a second viewer, where the first is held to relays.
 * @param {string[]} settings
 * @param {Record<string, unknown>} player the second one's settings
 * @param {(second: Viewer) => Promise<unknown>} watched
 */
async function meet(settings, player, watched) {
  const tracker = await startOurTracker(settings);
  const swarm = { trackerUrls: [tracker.url], stunServers: [] };
  const options = { src: origin.at("/media/ts/index.m3u8"), hls: hlsBuilds["1.7"], swarm };
  const first = await Viewer.open(browser, origin, options, relaysOnly);
  await first.untilWholeStream();
  const second = await Viewer.open(browser, origin, { ...options, player });
  await watched(second);
  await Promise.all([first.close(), second.close()]);
  await tracker.close();
}

test("a tracker's TURN server brings two together who cannot meet otherwise", limits, async () => {
  const file = `turn.secret_file="${join(folder, "secret")}"`;
  const turn = ["--set", `turn.urls=["${url}"]`, "--set", file];
  await meet(turn, shortBuffer, (second) =>
    second.until("was fed through the relay", ({ stats }) => (stats?.peerBytes ?? 0) > 0),
  );
});

test("without one they meet nobody, and play", limits, async () => {
  await meet([], {}, async (second) => {
    const state = await second.untilWholeStream();
    assert.equal(wrongFragment(state, fixture("ts")), undefined);
    assert.equal(state.stats?.peerBytes, 0);
  });
});
