// @ts-check
// Our tracker under the stock client's real code, and our words to a stock tracker.

import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { startOurTracker } from "./our-tracker.js";
import { Client } from "./stock-client.js";
import { startStockTracker } from "./stock-tracker.js";

const limits = { timeout: 20_000 };

/** @type {Awaited<ReturnType<typeof startOurTracker>>} */
let tracker;
/** @type {InstanceType<typeof Client>[]} */
const clients = [];

before(async () => {
  tracker = await startOurTracker();
});

after(async () => {
  await Promise.all(clients.map((client) => new Promise((gone) => client.destroy(gone))));
  assert.equal(await tracker.close(), 0, "SIGTERM is a clean end");
});

/** A stock client of our tracker; each has a socket of its own (they pool theirs by address). */
function stockClient(infoHash, options = {}) {
  const announce = `${tracker.url}?${clients.length}`;
  const client = new Client({ infoHash, announce, peerId: randomBytes(20), port: 6881, ...options });
  client.warnings = [];
  client.on("warning", (/** @type {Error} */ why) => client.warnings.push(why.message));
  clients.push(client);
  return client;
}

const newHash = () => randomBytes(20).toString("hex");

/** Counts of a swarm, as the stock client's scrape tells them. */
async function scrape(client) {
  client.scrape();
  const [{ complete, incomplete }] = await once(client, "scrape");
  return { complete, incomplete };
}

test("two stock clients get each other's offer and answer", limits, async () => {
  const infoHash = newHash();
  const [anna, ben] = [stockClient(infoHash), stockClient(infoHash)];
  anna.start();
  const [first] = await once(anna, "update");
  assert.deepEqual([first.complete, first.incomplete, first.interval], [0, 1, 120]);

  ben.start();
  const [[offered], [answered]] = await Promise.all([once(anna, "peer"), once(ben, "peer")]);
  assert.equal(offered.id, Buffer.from(ben._peerIdBinary, "binary").toString("hex"));
  assert.equal(answered.id, Buffer.from(anna._peerIdBinary, "binary").toString("hex"));
  const [annas, bens] = [offered._pc, answered._pc];
  await new Promise((done) => setTimeout(done, 10)); // `peer` is told before the answer is set
  assert.equal(annas.remoteDescription.type, "offer");
  assert.equal(annas.remoteDescription.sdp, bens.localDescription.sdp);
  assert.equal(bens.remoteDescription.type, "answer");
  assert.equal(bens.remoteDescription.sdp, annas.localDescription.sdp);
  assert.deepEqual([anna.warnings, ben.warnings], [[], []]);
});

test("counts follow started, completed, stopped and a closed socket", limits, async () => {
  const infoHash = newHash();
  const [anna, ben, watcher] = [1, 2, 3].map(() => stockClient(infoHash));
  anna.start();
  await once(anna, "update");
  ben.start({ left: 0 });
  await once(ben, "update");
  assert.deepEqual(await scrape(watcher), { complete: 1, incomplete: 1 });
  anna.complete();
  await once(anna, "update");
  assert.deepEqual(await scrape(watcher), { complete: 2, incomplete: 0 });
  anna.stop();
  await once(anna, "update");
  assert.deepEqual(await scrape(watcher), { complete: 1, incomplete: 0 });
  await new Promise((gone) => ben.destroy(gone));
  clients.splice(clients.indexOf(ben), 1);
  const gone = async () => (await scrape(watcher)).complete === 0;
  while (!(await gone())) await new Promise((done) => setTimeout(done, 10));
});

test("one scrape asks for many swarms", limits, async () => {
  const hashes = [newHash(), newHash(), newHash()];
  const client = stockClient(hashes[0]);
  /** @type {string[]} */
  const told = [];
  client.on("scrape", (/** @type {{ infoHash: string }} */ row) => told.push(row.infoHash));
  client.scrape({ infoHash: hashes });
  while (told.length < 3) await once(client, "scrape");
  assert.deepEqual(told.sort(), hashes.sort());
});

test("a refusal is a warning to the stock client, not a lost socket", limits, async () => {
  const infoHash = newHash();
  const peerId = randomBytes(20);
  const [owner, thief] = [stockClient(infoHash, { peerId }), stockClient(infoHash, { peerId })];
  owner.start();
  await once(owner, "update");
  thief.start();
  const [why] = await once(thief, "warning");
  assert.match(why.message, /announced by another connection/);
  assert.deepEqual(await scrape(thief), { complete: 0, incomplete: 1 });
});

test("clients that share a socket are in swarms of their own", limits, async () => {
  const announce = `${tracker.url}?shared`;
  const pair = [newHash(), newHash()].map((hash) => stockClient(hash, { announce }));
  for (const client of pair) {
    client.start();
    const [update] = await once(client, "update");
    assert.equal(update.infoHash, client.infoHash);
    assert.equal(update.incomplete, 1);
  }
});

test("where tokens are required a backend's own JWT lets a stock client in", limits, async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const key = Buffer.from(String(publicKey.export({ format: "jwk" }).x), "base64url");
  const keys = `access.token_keys=["main:${key.toString("base64")}"]`;
  const guarded = await startOurTracker(["--set", "access.tokens=required", "--set", keys]);
  t.after(() => guarded.close());
  const infoHash = newHash();
  const part = (/** @type {object} */ json) =>
    Buffer.from(JSON.stringify(json)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + 60;
  const message = `${part({ alg: "EdDSA", kid: "main" })}.${part({ room: infoHash, exp })}`;
  const token = `${message}.${sign(null, Buffer.from(message), privateKey).toString("base64url")}`;

  const without = stockClient(infoHash, { announce: `${guarded.url}?without` });
  without.start();
  const [why] = await once(without, "warning");
  assert.match(why.message, /asks for a join token/);
  const getAnnounceOpts = () => ({ token });
  const admitted = stockClient(infoHash, { announce: `${guarded.url}?with`, getAnnounceOpts });
  admitted.start();
  const [update] = await once(admitted, "update");
  assert.equal(update.incomplete, 1);
  assert.deepEqual(admitted.warnings, []);
});

// The texts are those that `ToTracker::encode` writes (its unit test holds them).
test("a stock tracker takes our announce, offer, answer and stop", limits, async (t) => {
  const stock = await startStockTracker();
  t.after(() => stock.close());
  const open = async () => {
    const socket = new WebSocket(stock.url);
    await once(socket, "open");
    return socket;
  };
  const hear = async (/** @type {WebSocket} */ socket) => JSON.parse(String((await once(socket, "message"))[0]));
  const binary = () => randomBytes(20).toString("latin1");
  const [info_hash, annaId, benId, offer_id] = [binary(), binary(), binary(), binary()];
  const announce = { action: "announce", info_hash, uploaded: 0, downloaded: 0 };
  const [anna, ben] = [await open(), await open()];

  anna.send(JSON.stringify({ ...announce, peer_id: annaId, event: "started", numwant: 0 }));
  assert.equal((await hear(anna)).incomplete, 1, "without `left` one is no seeder");
  const offer = { type: "offer", sdp: "v=0\r\n" };
  const offers = [{ offer, offer_id }];
  ben.send(JSON.stringify({ ...announce, peer_id: benId, event: "started", numwant: 1, offers }));
  const [reply, offered] = await Promise.all([hear(ben), hear(anna)]);
  assert.deepEqual([reply.interval, reply.incomplete], [120, 2]);
  assert.deepEqual(offered, { action: "announce", offer, offer_id, peer_id: benId, info_hash });

  const answer = { type: "answer", sdp: "v=0\r\n" };
  const told = { action: "announce", info_hash, peer_id: annaId, to_peer_id: benId, offer_id, answer };
  anna.send(JSON.stringify(told));
  const { to_peer_id: _, ...expected } = told;
  assert.deepEqual(await hear(ben), expected);

  ben.send(JSON.stringify({ ...announce, peer_id: benId, event: "stopped", numwant: 0 }));
  assert.equal((await hear(ben)).incomplete, 1);
});
