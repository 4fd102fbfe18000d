// @ts-check
// Digests beside the playlist, through the player: a signed sidecar under a pinned key, and under
// another one; PeerTube's file for byte ranges and for a live stream. The playlists themselves say
// nothing about bytes, and `require` keeps everything else from being shared.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { hlsBuilds, mediaOf, Origin, startBrowser, Viewer, wrongFragment } from "./harness.js";
import { linked, optionsOf } from "./players.js";
import { hexOf, Signer, sidecarOf, TextServer } from "./publisher.js";

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";
const limits = { skip, timeout: 120_000 };
const shareOfPlainMax = 0.7;

/** @type {Origin} */
let origin;
/** @type {TextServer} */
let texts;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  const media = { "/media/ts": fixture("ts"), "/media/ranges": fixture("ranges") };
  origin = await Origin.start(media, ["--live", `/live=${join(fixture("ts"), "index.m3u8")}`]);
  texts = await new TextServer().start();
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await origin?.stop();
  await texts?.stop();
});

/** A fixture's playlist on the text server; its media stay at the origin. @param {string} name @param {string} [head] */
function publish(name, head = "") {
  const folder = origin.at(`/media/${name}`);
  const text = readFileSync(join(fixture(name), "index.m3u8"), "utf8")
    .replaceAll(/^(?=\w)/gm, `${folder}/`)
    .replace('URI="', `URI="${folder}/`)
    .replace("#EXT-X-TARGETDURATION", `${head}#EXT-X-TARGETDURATION`);
  texts.texts.set(`/${name}.m3u8`, () => text);
  return `${texts.url}/${name}.m3u8`;
}

/**
 * Two viewers, one after the other, to the end of the stream.
 * @param {string} name
 * @param {string} src
 * @param {Record<string, unknown>} swarm
 * @param {(() => void) | null} [prepare]
 */
async function watch(name, src, swarm, prepare = null) {
  await origin.reset();
  const viewers = [];
  for (const _ of [1, 2]) {
    const settings = { trackerUrls: [origin.trackerUrl], stunServers: [], ...swarm };
    const options = { ...optionsOf("hls.js", src, settings), hash: prepare === null };
    const viewer = await Viewer.open(browser, origin, options, prepare);
    viewers.push(viewer);
    // On loopback a film is here before the first link, and on a busy machine before the module.
    if (viewers.length > 1) await linked(viewer);
    await viewer.tell("readAhead");
    await viewer.untilWholeStream();
  }
  const states = [];
  for (const viewer of viewers) {
    const state = await viewer.until("hashed what it got", ({ fragments }) =>
      fragments.every(({ sha256 }) => sha256 !== ""),
    );
    assert.equal(wrongFragment(state, fixture(name)), undefined);
    assert.deepEqual(
      [state.errors.filter((error) => error.fatal), state.swarmErrors, state.mediaError],
      [[], [], null],
    );
    states.push(state);
  }
  const { bytes } = mediaOf(await origin.files());
  await Promise.all(viewers.map((viewer) => viewer.close()));
  const handed = states.reduce((sum, { stats }) => {
    return sum + (stats?.cdnBytes ?? 0) + (stats?.peerBytes ?? 0);
  }, 0);
  return { states, share: bytes / handed };
}

/** The segments of the fixture `ts`, as URLs of the origin. */
function segments() {
  const folder = fixture("ts");
  const names = readdirSync(folder).filter((name) => name.endsWith(".ts"));
  names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return names.map((name) => ({
    url: origin.at(`/media/ts/${name}?token=of-the-publisher`),
    bytes: readFileSync(join(folder, name)),
  }));
}

test(
  "a signed sidecar that the playlist names, under the pinned key and another",
  limits,
  async (t) => {
    const signer = new Signer();
    texts.texts.set("/digests.json", () => sidecarOf(segments(), signer));
    const src = publish("ts", '#EXT-X-SWARMLINE-SIDECAR:URI="digests.json"\n');
    const right = await watch("ts", src, { integrity: "require", publicKey: signer.publicKey });
    t.diagnostic(`${Math.round(right.share * 100)} % of what was handed over came from the CDN`);
    assert.ok(right.share <= shareOfPlainMax);
    assert.ok((right.states[1]?.stats?.peerBytes ?? 0) > 0);
    assert.deepEqual(
      right.states.flatMap(({ warnings }) => warnings),
      [],
    );

    const wrong = await watch("ts", src, { publicKey: new Signer().publicKey });
    for (const { stats, warnings } of wrong.states) {
      assert.equal(stats?.peerBytes, 0);
      assert.equal(stats?.uploadedBytes, 0);
      assert.deepEqual(
        warnings.map(({ code }) => code),
        ["signature"],
      );
    }
  },
);

/** PeerTube's file of a single-file fixture: byte ranges, the init segment's too. @param {string} src */
function rangesOf(src) {
  const text = texts.texts.get(new URL(src).pathname)?.() ?? "";
  const folder = fixture("ranges");
  /** @type {Record<string, Record<string, string>>} */
  const files = {};
  for (const [, len, offset, uri] of text.matchAll(/#EXT-X-BYTERANGE:(\d+)@(\d+)\n(\S+)/g)) {
    const name = new URL(uri ?? "").pathname.split("/").pop() ?? "";
    const [start, end] = [Number(offset), Number(offset) + Number(len)];
    const bytes = readFileSync(join(folder, name)).subarray(start, end);
    files[name] = { ...files[name], [`${start}-${end - 1}`]: hexOf(bytes) };
  }
  return files;
}

for (const secure of [true, false]) {
  const where = secure ? "with WebCrypto" : "without WebCrypto, in slices";
  test(`PeerTube's file for byte ranges, ${where}`, limits, async () => {
    const src = publish("ranges");
    const files = rangesOf(src);
    assert.equal(Object.keys(files).length, 1);
    texts.texts.set("/segments-sha256.json", () => JSON.stringify(files));
    const manifestUrl = `${texts.url}/segments-sha256.json`;
    const swarm = { integrity: { mode: "require", manifestUrl } };
    const hide = () => Object.defineProperty(crypto, "subtle", { value: undefined });
    const { states, share } = await watch("ranges", src, swarm, secure ? null : hide);
    assert.ok((states[1]?.stats?.peerBytes ?? 0) > 0);
    assert.ok(share <= shareOfPlainMax);
    assert.deepEqual(
      states.flatMap(({ warnings }) => warnings),
      [],
    );
  });
}

test("PeerTube's file of a live stream, written after the playlist", limits, async (t) => {
  /** @type {Map<string, string>} */
  const hashes = new Map();
  let own = 0;
  let over = false;
  const server = (async () => {
    while (!over) {
      const list = await (await fetch(origin.at("/unsigned/live/index.m3u8"))).text();
      for (const uri of list.split("\n").filter((line) => line !== "" && !line.startsWith("#"))) {
        const url = new URL(uri, origin.at("/unsigned/live/index.m3u8"));
        const name = url.pathname.split("/").pop() ?? "";
        if (hashes.has(name)) continue;
        const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
        own += bytes.length;
        hashes.set(name, hexOf(bytes));
      }
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
  })();
  texts.texts.set("/live-sha256.json", () => JSON.stringify(Object.fromEntries(hashes)));
  await origin.reset();
  const manifestUrl = `${texts.url}/live-sha256.json`;
  const open = () =>
    Viewer.open(browser, origin, {
      src: origin.at("/unsigned/live/index.m3u8"),
      hls: hlsBuilds["1.7"],
      swarm: {
        trackerUrls: [origin.trackerUrl],
        stunServers: [],
        integrity: { mode: "require", manifestUrl },
      },
    });
  const viewers = [await open(), await open()];
  try {
    const states = await Promise.all(
      viewers.map((viewer) =>
        viewer.until(
          "saw enough of the stream, and what the file proves was shared",
          ({ fragments, stats }) =>
            fragments.length >= 9 && (stats?.peerBytes ?? 0) + (stats?.uploadedBytes ?? 0) > 0,
          90_000,
        ),
      ),
    );
    const fromPeers = states.reduce((sum, { stats }) => sum + (stats?.peerBytes ?? 0), 0);
    t.diagnostic(`${fromPeers} bytes from peers, ${own} taken by the publisher`);
    assert.ok(texts.asked.filter((path) => path === "/live-sha256.json").length > 2);
    for (const { errors, warnings, swarmErrors } of states) {
      assert.deepEqual([errors.filter(({ fatal }) => fatal), warnings, swarmErrors], [[], [], []]);
    }
  } finally {
    over = true;
    await server;
    await Promise.all(viewers.map((viewer) => viewer.close()));
  }
});
