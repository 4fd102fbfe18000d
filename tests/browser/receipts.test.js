// @ts-check
// What one page has from another is credited by our tracker, as its API tells; a page that says more than it had
// credits nothing. All pages are of this machine, so each comes to the tracker by a door that names another
// address, as a proxy would.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startOurTracker } from "../interop/our-tracker.js";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { Origin, startBrowser, Viewer } from "./harness.js";
import { linked, optionsOf, toTheEnd } from "./players.js";

const limits = { skip: hasFfmpeg ? false : "no ffmpeg to make the fixtures", timeout: 120_000 };

/** @type {string} */
let folder;
/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof startOurTracker>>} */
let tracker;
/** @type {import("node:net").Server[]} */
const doors = [];

before(async () => {
  if (limits.skip) return;
  folder = mkdtempSync(join(tmpdir(), "swarmline-receipts-"));
  const settings = ['trusted_proxies=["127.0.0.1"]', `store.path="${join(folder, "tracker.db")}"`];
  tracker = await startOurTracker(settings.flatMap((it) => ["--set", it]));
  origin = await Origin.start({ "/media/ts": fixture("ts") }, ["--no-tracker"]);
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await origin?.stop();
  for (const door of doors) door.close();
  await tracker?.close();
  if (folder) rmSync(folder, { recursive: true });
});

/** Where a page comes to the tracker as if from that address. @param {string} address */
async function doorOf(address) {
  const { port, hostname } = new URL(tracker.url);
  const door = createServer((page) => {
    const there = connect(Number(port), hostname);
    for (const end of [page, there]) end.on("error", () => page.destroy() && there.destroy());
    page.once("data", (head) => {
      const text = head.toString("latin1");
      there.write(text.replace("\r\n", `\r\nX-Forwarded-For: ${address}\r\n`), "latin1");
      page.pipe(there);
    });
    there.pipe(page);
  }).listen(0, "127.0.0.1");
  doors.push(door);
  await once(door, "listening");
  const at = door.address();
  if (at === null || typeof at === "string") throw new Error("a door without a port");
  return `ws://127.0.0.1:${at.port}/`;
}

/** A page at that address. @param {string} address @param {() => void} [prepare] */
async function viewerAt(address, prepare) {
  const swarm = { trackerUrls: [await doorOf(address)], stunServers: [] };
  const options = optionsOf("hls.js", origin.at("/media/ts/index.m3u8"), swarm);
  return Viewer.open(browser, origin, options, prepare);
}

/** What the tracker tells below /api/p2p. @param {string} path */
async function told(path) {
  const response = await fetch(`${tracker.url.replace(/^ws/, "http")}api/p2p/${path}`);
  assert.equal(response.status, 200);
  return response.json();
}

/** Bytes that are credited to a peer. @param {string | undefined} peer */
async function credited(peer) {
  const { items } = await told(`contributions/${peer}`);
  return items.reduce(
    (/** @type {number} */ sum, /** @type {any} */ row) => sum + row.bytesShared,
    0,
  );
}

/** In the page: says twice as much as it had. */
function boast() {
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (/** @type {any} */ text) {
    const message = JSON.parse(text);
    if (message.action === "receipt") {
      message.bytes *= 2;
      console.log("twice");
    }
    send.call(this, JSON.stringify(message));
  };
}

test("what a page had from another is credited to that one, and no more", limits, async () => {
  const first = await viewerAt("192.0.2.1");
  const seeder = (await toTheEnd(first)).stats?.peerId;
  const boaster = await viewerAt("192.0.2.2", boast);
  await linked(boaster);
  const lied = await toTheEnd(boaster);
  assert.ok((lied.stats?.peerBytes ?? 0) > 0, "the second page was fed by the first");
  await boaster.tell("destroy");
  assert.ok(boaster.console.includes("twice"), "the second page has said more than it had");
  const second = await viewerAt("192.0.2.3");
  await linked(second);
  const state = await toTheEnd(second);
  const peers = state.stats?.peers ?? [];
  const had = peers.find(({ id }) => id === seeder)?.receivedBytes ?? 0;
  assert.equal(had, state.stats?.peerBytes, "all of it is the first page's");
  assert.ok(had > 0, "the third page was fed by the first");
  await second.tell("destroy");
  for (let tries = 0; tries < 50 && (await credited(seeder)) < had; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal(await credited(seeder), had);
  assert.equal(await credited(lied.stats?.peerId), 0);
  assert.deepEqual(state.warnings, []);
});
