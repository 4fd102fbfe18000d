// @ts-check
// MPDs in real pages, with Shaka and with dash.js: viewers of one stream feed each other, whichever of the two they
// have. The verdict is the origin's own count of bytes; every segment is compared with the file it should be; and
// what a player asked for must be what the engine had listed, segment by segment.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { fixture, hasFfmpeg } from "./fixtures.js";
import { binary, mediaOf, Origin, startBrowser, Viewer, wrongFragment } from "./harness.js";
import { listedOf, liveOf } from "./mpds.js";
import { assertFed, assertFine, linked, optionsOf, toTheEnd, watchInTurn } from "./players.js";
import { TextServer } from "./publisher.js";

const streams = [
  ...["dash-time", "dash-number", "dash-list", "dash-ranges", "dash-base", "dash-periods"],
];
const skip = hasFfmpeg ? false : "no ffmpeg to make the fixtures";
const limits = { skip, timeout: 180_000 };

/** @type {Origin} */
let origin;
/** @type {TextServer} */
let texts;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {string} */
let signed;
/** @type {Viewer[]} */
const opened = [];

before(async () => {
  if (skip) return;
  signed = mkdtempSync(join(tmpdir(), "swarmline-signed-"));
  cpSync(fixture("dash-time"), signed, { recursive: true });
  execFileSync(binary(), ["sign", join(signed, "index.mpd")]);
  const folders = [...streams, "ts"].map((name) => [`/media/${name}`, fixture(name)]);
  origin = await Origin.start({ ...Object.fromEntries(folders), "/media/signed": signed });
  texts = await new TextServer().start();
  browser = await startBrowser();
});

afterEach(async () => {
  // A viewer left behind would serve the next test.
  await Promise.all(opened.splice(0).map((viewer) => viewer.close().catch(() => undefined)));
});

after(async () => {
  await browser?.close();
  await texts?.stop();
  await origin?.stop();
  if (signed) rmSync(signed, { recursive: true });
});

const swarmConfig = () => ({ trackerUrls: [origin.trackerUrl], stunServers: [] });
/** @param {string} name */
const mpd = (name) => origin.at(`/media/${name}/index.mpd`);

/** @typedef {import("./players.js").Player} Player */

/**
 * @param {Player} player
 * @param {string} src
 * @param {Record<string, unknown> | null} swarm
 * @param {Record<string, unknown>} [more] of the player's own settings
 */
async function open(player, src, swarm, more) {
  const options = optionsOf(player, src, swarm);
  const viewer = await Viewer.open(browser, origin, more ? { ...options, player: more } : options);
  opened.push(viewer);
  return viewer;
}

/**
 * What holds of any viewer, and all it asked for was listed.
 * @param {import("./harness.js").State} state
 * @param {string} folder
 */
function assertListed(state, folder) {
  assertFine(state, folder);
  if (state.stats === null) return;
  const { cache, peers, cdn, mixed } = state.stats.segments;
  const known = cache + peers + cdn + mixed;
  assert.equal(known, state.fragments.length, "the engine had listed what the player asked for");
}

/** Viewers one after another, each to the end; the origin's media bytes. @param {string} name @param {(() => Promise<Viewer>)[]} opens */
async function watch(name, opens) {
  const folder = name === "signed" ? signed : fixture(name);
  const watched = await watchInTurn(origin, folder, opens);
  for (const state of watched.states) assertListed(state, folder);
  return watched;
}

for (const [name, player, integrity] of /** @type {[string, Player, string?][]} */ ([
  ["dash-time", "shaka-5.2"],
  ["dash-number", "shaka-4.16"],
  ["dash-list", "shaka-5.2"],
  ["dash-ranges", "shaka-4.16"],
  ["dash-base", "shaka-5.2"],
  ["dash-base", "shaka-4.16"],
  ["dash-periods", "shaka-5.2"],
  ["signed", "shaka-5.2", "require"],
  ["dash-time", "dash.js"],
  ["dash-number", "dash.js"],
  ["dash-list", "dash.js"],
  ["dash-ranges", "dash.js"],
  ["dash-base", "dash.js"],
  ["dash-periods", "dash.js"],
  ["signed", "dash.js", "require"],
])) {
  test(`${name}, ${integrity ?? "unsigned"}, ${player}`, limits, async (t) => {
    const swarm = { ...swarmConfig(), ...(integrity ? { integrity } : {}) };
    const one = () => open(player, mpd(name), swarm);
    assertFed(t, await watch(name, [one, one]));
  });
}

/** Plays the lower rendition, then the higher from behind what is buffered on. @param {Viewer} viewer */
async function switching(viewer) {
  await viewer.until("loaded its MPD", ({ fragments }) => fragments.length > 0);
  await viewer.tell("play", 0);
  await viewer.until("played on", ({ currentTime }) => currentTime > 7);
  await viewer.tell("play", 1);
  await viewer.tell("seek", 16);
  return toTheEnd(viewer);
}

test(
  "a viewer with Shaka and one with dash.js are one swarm, in both renditions",
  limits,
  async () => {
    for (const order of /** @type {Player[][]} */ ([
      ["shaka-5.2", "dash.js"],
      ["dash.js", "shaka-5.2"],
    ])) {
      const states = [];
      for (const player of order) {
        const viewer = await open(player, mpd("dash-time"), swarmConfig());
        if (states.length > 0) await linked(viewer);
        states.push(await switching(viewer));
      }
      for (const state of states) assertListed(state, fixture("dash-time"));
      const second = states[1];
      const fed = second?.segments.filter(({ source }) => source === "peers" || source === "mixed");
      for (const rendition of ["t-0-", "t-1-"]) {
        const some = fed?.some(({ url }) => String(url).includes(rendition));
        assert.ok(some, `${order.join(", then ")}: ${rendition} from a peer`);
      }
      await Promise.all(opened.splice(0).map((viewer) => viewer.close()));
    }
  },
);

for (const [kind, name] of /** @type {const} */ ([
  ["by the clock", "dash-number"],
  ["as a list that grows", "dash-time"],
])) {
  test(`live, ${kind}: Shaka and dash.js share`, limits, async (t) => {
    // It begins when it is first asked for: the film is 24 s long, and a busy machine takes some to open pages. Half a
    // segment in, since Shaka, with or without us, may stand still for good where it begins at the edge of one.
    let startedMs = 0;
    const base = origin.at(`/media/${name}/`);
    const make = kind === "by the clock" ? liveOf : listedOf;
    texts.texts.set("/live.mpd", () => {
      startedMs ||= Date.now() - 9_000;
      return make(fixture(name), base, startedMs);
    });
    await origin.reset();
    const src = `${texts.url}/live.mpd`;
    const viewers = [
      await open("shaka-5.2", src, swarmConfig()),
      await open("dash.js", src, swarmConfig()),
    ];
    await Promise.all(
      viewers.map((viewer) =>
        viewer.until("saw enough of the stream", ({ fragments }) => {
          return fragments.length >= 14 && fragments.every(({ sha256 }) => sha256 !== "");
        }),
      ),
    );
    const states = await Promise.all(viewers.map((viewer) => viewer.state()));
    const { bytes } = mediaOf(await origin.files());
    const handed = states.flatMap(({ fragments }) => fragments);
    const share = bytes / handed.reduce((total, fragment) => total + fragment.bytes, 0);
    t.diagnostic(`${Math.round(share * 100)} % of plain`);
    for (const state of states) {
      assert.equal(wrongFragment(state, fixture(name)), undefined);
      assert.deepEqual([...state.errors, ...state.warnings, ...state.swarmErrors], []);
    }
    // How much is the benchmark's to say: on a busy machine a link comes seconds late.
    assert.ok(share <= 0.9, `${Math.round(share * 100)} % of two plain viewers`);
  });
}

test("hosts and tokens are each viewer's own, whatever its player", limits, async () => {
  const hosts = [origin.url, origin.url.replace("127.0.0.1", "localhost")];
  const token = (/** @type {URLSearchParams | undefined} */ query) =>
    `token=${query?.get("token")}`;
  const host = (/** @type {URLSearchParams | undefined} */ query) =>
    hosts[Number(query?.get("token"))];
  const playlist = readFileSync(join(fixture("ts"), "index.m3u8"), "utf8");
  texts.texts.set("/tokens/index.m3u8", (query) =>
    // A list whose hosts rotate, for each viewer in its own way.
    playlist.replaceAll(/^index(\d+)\.ts$/gm, (name, at) => {
      const turn = (Number(at) + Number(query?.get("token"))) % hosts.length;
      return `${hosts[turn]}/media/ts/${name}?${token(query)}`;
    }),
  );
  const text = readFileSync(join(fixture("dash-number"), "index.mpd"), "utf8");
  texts.texts.set("/tokens/index.mpd", (query) =>
    text
      .replace("<Period", `<BaseURL>${host(query)}/media/dash-number/</BaseURL><Period`)
      .replaceAll('.m4s"', `.m4s?${token(query)}"`),
  );
  const pairs = /** @type {const} */ ([
    ["index.m3u8", ["hls.js", "shaka-5.2"], "ts"],
    ["index.mpd", ["shaka-4.16", "dash.js"], "dash-number"],
  ]);
  for (const [file, players, name] of pairs) {
    const states = [];
    for (const [at, player] of players.entries()) {
      const swarm = { ...swarmConfig(), swarmId: `tokens ${file}` };
      const viewer = await open(player, `${texts.url}/tokens/${file}?token=${at}`, swarm);
      if (at > 0) await linked(viewer);
      states.push(await toTheEnd(viewer));
    }
    for (const state of states) assertFine(state, fixture(name));
    const second = states[1]?.stats;
    assert.ok(second && second.peerBytes > second.cdnBytes, JSON.stringify(second));
    await Promise.all(opened.splice(0).map((viewer) => viewer.close()));
  }
});

for (const player of /** @type {Player[]} */ (["shaka-5.2", "shaka-4.16", "dash.js"])) {
  test(`a module that never comes is waited for by nobody: ${player}`, limits, async () => {
    const options = optionsOf(player, mpd("dash-number"), swarmConfig());
    const viewer = await Viewer.open(browser, origin, options, () => {
      const { fetch } = window;
      const never = new Promise(() => undefined);
      window.fetch = (asked, ...more) =>
        /\.wasm$/.test(String(asked)) ? /** @type {Promise<any>} */ (never) : fetch(asked, ...more);
    });
    opened.push(viewer);
    const state = await toTheEnd(viewer);
    assertFine(state, fixture("dash-number"));
    assert.equal(state.stats?.state, "loading");
    assert.equal(state.stats?.wasmMemoryBytes, 0, "there is no engine");
  });
}

test("segments that are made while they are loaded stay each player's own", limits, async () => {
  const base = origin.at("/media/dash-number/");
  const startedMs = Date.now() - 8_000;
  const early = 'availabilityTimeOffset="1" availabilityTimeComplete="false" ';
  texts.texts.set("/early.mpd", () =>
    liveOf(fixture("dash-number"), base, startedMs).replaceAll(
      "<SegmentTemplate ",
      `<SegmentTemplate ${early}`,
    ),
  );
  for (const player of /** @type {Player[]} */ (["shaka-5.2", "dash.js"])) {
    const viewer = await open(player, `${texts.url}/early.mpd`, swarmConfig(), {
      streaming: player === "dash.js" ? {} : { lowLatencyMode: true },
    });
    const state = await viewer.until("played", ({ currentTime, fragments, stats }) => {
      return stats?.state === "running" && currentTime > 0 && fragments.length > 7;
    });
    // What was loaded before the engine was there is adopted, from whichever loader it came.
    assert.deepEqual(state.segments, [], `${player}: none of them through the engine`);
    assert.deepEqual([...state.errors, ...state.swarmErrors], []);
    await viewer.close();
  }
});

test(
  "the other adapter's module is one clear error, and the player plays by itself",
  limits,
  async () => {
    const cases = /** @type {[Player, string, string, string][]} */ ([
      ["hls.js", "/media/ts/index.m3u8", "swarmline-dash.wasm", "swarmline.wasm"],
      ["shaka-5.2", "/media/dash-time/index.mpd", "swarmline.wasm", "swarmline-dash.wasm"],
      ["dash.js", "/media/dash-time/index.mpd", "swarmline.wasm", "swarmline-dash.wasm"],
    ]);
    for (const [player, path, given, wanted] of cases) {
      const wasm = origin.at(`/dist/${given}`);
      const viewer = await open(player, origin.at(path), { ...swarmConfig(), wasm });
      const state = await toTheEnd(viewer);
      assert.deepEqual(
        [state.stats?.state, ...state.errors, ...state.warnings],
        ["failed"],
        `${player}: plays on`,
      );
      const [error, ...more] = state.swarmErrors;
      assert.deepEqual([error?.code, more], ["wasm-failed", []]);
      assert.ok(error?.message.includes(`(${wanted})`), error?.message);
      await viewer.close();
    }
  },
);

test("after detach dash.js plays by itself, and can be attached again", limits, async () => {
  const viewer = await open("dash.js", mpd("dash-time"), swarmConfig());
  await toTheEnd(viewer);
  const before = await viewer.state();
  await viewer.tell("detach");
  await viewer.tell("detach");
  await origin.reset();
  await viewer.page.evaluate((src) => Reflect.get(window, "viewer").load(src), mpd("dash-number"));
  await viewer.until("played another stream", ({ fragments }) =>
    fragments.some(({ url }) => url.includes("/dash-number/")),
  );
  const state = await viewer.untilWholeStream();
  assert.deepEqual(state.errors, []);
  assert.equal(state.segments.length, before.segments.length, "none of them through the engine");
  assert.ok(mediaOf(await origin.files()).requests > 4, "from the CDN");
});

for (const [player, gone] of /** @type {[Player, "no host" | "no file"][]} */ ([
  ["shaka-5.2", "no host"],
  ["shaka-4.16", "no file"],
  ["dash.js", "no host"],
  ["dash.js", "no file"],
])) {
  test(
    `the next host of an MPD serves where the first has gone: ${gone}, ${player}`,
    limits,
    async () => {
      const closed = await new TextServer().start();
      await closed.stop();
      const first = gone === "no host" ? `${closed.url}/` : origin.at("/media/nowhere/");
      const bases = [first, origin.at("/media/dash-number/")];
      const text = readFileSync(join(fixture("dash-number"), "index.mpd"), "utf8");
      const listed = bases.map((url) => `<BaseURL>${url}</BaseURL>`).join("");
      texts.texts.set("/gone.mpd", () => text.replace("<Period", `${listed}<Period`));
      const watched = (/** @type {Record<string, unknown> | null} */ swarm) =>
        open(player, `${texts.url}/gone.mpd`, swarm, retryingSoon(player));
      const plain = await toTheEnd(await watched(null));
      const states = [await toTheEnd(await watched(swarmConfig()))];
      const second = await watched(swarmConfig());
      await linked(second);
      states.push(await toTheEnd(second));
      for (const state of states) {
        assert.equal(wrongFragment(state, fixture("dash-number")), undefined);
        assert.deepEqual(state.swarmErrors, []);
        assert.deepEqual([...new Set(codesOf(state))], [...new Set(codesOf(plain))]);
      }
      const stats = states[1]?.stats;
      assert.ok(stats && stats.peerBytes > stats.cdnBytes, JSON.stringify(stats));
    },
  );
}

/** What a player complained of. @param {import("./harness.js").State} state */
const codesOf = ({ errors }) => errors.map(({ fatal, code }) => `${fatal} ${code}`);

/** Settings with which a player asks again at once. @param {Player} player */
function retryingSoon(player) {
  if (player === "dash.js") {
    const retryIntervals = { MediaSegment: 50, InitializationSegment: 50 };
    return { streaming: { abr: { autoSwitchBitrate: { video: false } }, retryIntervals } };
  }
  const retryParameters = { baseDelay: 50 };
  return { streaming: { bufferingGoal: 4, retryParameters }, abr: { enabled: false } };
}

test(
  "a segment that the CDN refuses is the error that each player alone sees",
  limits,
  async () => {
    for (const player of /** @type {Player[]} */ (["shaka-5.2", "dash.js"])) {
      const failures = [];
      for (const swarm of [null, swarmConfig()]) {
        await origin.reset();
        await origin.fault("404", "n-2-00005");
        const viewer = await open(player, mpd("dash-number"), swarm);
        const state = await viewer.until("failed", ({ errors }) => errors.length > 0);
        failures.push(state.errors[0]);
        await viewer.close();
        await origin.fault("none", "n-2-00005");
      }
      assert.deepEqual(failures[1], failures[0], player);
    }
  },
);
