// @ts-check
// `cargo xtask bench networks`: two browsers in homes behind routers of every kind, with and without a TURN
// server: who meets whom, and how long that takes, beside what theory allows; and what becomes of two who watch
// when the line between them is cut and healed, or one gets another address; and whether two meet by IPv6. Ends
// with an error where theory and practice differ. Needs Linux and the right to make network namespaces; the machine's
// own network is not touched.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fixture, root } from "../tests/browser/fixtures.js";
import { hlsBuilds, Origin, Viewer } from "../tests/browser/harness.js";
import { log, median, wait } from "./measure.js";
import {
  canMeet,
  enterOwnNetwork,
  kinds,
  publicAddress,
  publicAddress6,
  World,
  whyNot,
} from "./networks/world.js";
import { milliseconds, printTable } from "./table.js";

/** @typedef {import("./networks/world.js").Kind} Kind */
/** @typedef {import("./networks/world.js").Home} Home */
/** @typedef {import("playwright-core").Browser} Browser */
/** @typedef {{ a: Kind, b: Kind, turn: boolean, meetMs: number | null, shareMs: number | null }} Meeting */
/** @typedef {{ only: boolean, meetMs: number | null, shareMs: number | null }} Six */
/** @typedef {{ cut: Cut, foundMs: number | null, backMs: number | null, isFed: boolean, stalls: number }} Healing */

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
/** Who has not met by then does not. */
const patienceMs = 20_000;
const cutSeconds = 12;
const cutNames = { peers: "to peers", own: "its own network", address: "another address" };
/** @typedef {keyof typeof cutNames} Cut */
const port = 8080;
/** One of each outcome, for a first look. @type {[Kind, Kind, boolean][]} */
const few = [
  ["cone", "symmetric", false],
  ["port", "symmetric", false],
  ["port", "symmetric", true],
];
/** @type {[Kind, Kind, boolean][]} */
const all = kinds.flatMap((a, at) =>
  kinds
    .slice(at)
    .flatMap((b) =>
      [false, true].map((turn) => /** @type {[Kind, Kind, boolean]} */ ([a, b, turn])),
    ),
);

const refused = whyNot();
if (refused) {
  console.log(`skipped: ${refused}`);
} else if (!enterOwnNetwork(fileURLToPath(import.meta.url))) {
  await measure();
}

async function measure() {
  const addresses = [`${publicAddress}:${port}`, `[${publicAddress6}]:${port}`];
  const world = await World.open(addresses.map((address) => `http://${address}`).join(), 2);
  const folders = { "/bench": join(root, "bench", "pages") };
  const live = ["--live", `/live=${join(fixture("ts"), "index.m3u8")}`];
  const [origin, origin6] = /** @type {[Origin, Origin]} */ (
    await Promise.all(addresses.map((address) => Origin.start(folders, live, address)))
  );
  /** @type {Browser[]} */
  const browsers = [];
  try {
    for (const home of world.homes) browsers.push(await home.browser());
    /** @type {Meeting[]} */
    const meetings = [];
    for (const [a, b, turn] of values.quick ? few : all) {
      const meeting = await meet(world, origin, browsers, { a, b, turn });
      log(`${a} and ${b}, ${turn ? "TURN" : "no TURN"}: ${milliseconds(meeting.meetMs) ?? "not"}`);
      meetings.push(meeting);
    }
    /** @type {Healing[]} */
    const healings = [];
    for (const cut of /** @type {Cut[]} */ (Object.keys(cutNames))) {
      healings.push(await heal(world, origin, browsers, cut));
      log(JSON.stringify(healings.at(-1)));
    }
    world.takeIpv6();
    /** @type {Six[]} */
    const sixes = [];
    for (const only of [false, true]) {
      sixes.push(await meetBySix(world, only ? origin6 : origin, browsers, only));
      log(JSON.stringify(sixes.at(-1)));
    }
    report(meetings, healings, sixes);
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
    await Promise.all([origin.stop(), origin6.stop()]);
    await world.close();
  }
}

/**
 * One page holds a segment, the other joins: how long until it is linked, and until it has it.
 * @param {World} world @param {Origin} origin @param {Browser[]} browsers
 * @param {{ a: Kind, b: Kind, turn: boolean }} wish
 * @returns {Promise<Meeting>}
 */
async function meet(world, origin, browsers, { a, b, turn }) {
  world.homes[0]?.become(a);
  world.homes[1]?.become(b);
  const pages = await Promise.all(
    browsers.map(async (browser) => {
      const page = await (await browser.newContext()).newPage();
      page.on("pageerror", (error) => log(`page: ${error.message}`));
      await page.goto(origin.at("/bench/transfer.html"));
      await page.waitForFunction(() => "transfer" in window);
      return page;
    }),
  );
  const call = (/** @type {number} */ at, /** @type {[string, ...any[]]} */ ...given) => {
    const tell = (/** @type {[string, ...any[]]} */ [name, ...rest]) =>
      Reflect.get(window, "transfer")[name](...rest);
    return pages[at]?.evaluate(/** @type {any} */ (tell), given);
  };
  try {
    const swarm = {
      ...{ trackerUrl: origin.trackerUrl, swarmId: `${a} ${b} ${turn}`, count: 1 },
      ...{ stunServers: world.stunServers, turnServers: turn ? world.turnServers : [] },
    };
    await call(0, "join", swarm);
    await call(0, "hold", 1);
    // The first one's first offers are with the tracker, as those of anybody who watches are.
    await wait(1);
    const begun = performance.now();
    await call(1, "join", swarm);
    const met = await Promise.resolve(call(1, "meet", 1, patienceMs)).then(
      () => true,
      () => false,
    );
    const meetMs = met ? performance.now() - begun : null;
    if (met) await call(1, "take", 0, 1, 1);
    return { a, b, turn, meetMs, shareMs: met ? performance.now() - begun : null };
  } finally {
    await Promise.all(pages.map((page) => page.context().close()));
  }
}

/**
 * Two homes with IPv6 meet: beside an IPv4 that lets no UDP through, so that it is no way to meet, or with none.
 * @param {World} world @param {Origin} origin @param {Browser[]} browsers @param {boolean} only
 * @returns {Promise<Six>}
 */
async function meetBySix(world, origin, browsers, only) {
  for (const home of world.homes) if (only) home.dropIpv4(true);
  const { meetMs, shareMs } = await meet(world, origin, browsers, {
    ...{ a: "tcp", b: "tcp", turn: false },
  });
  for (const home of world.homes) if (only) home.dropIpv4(false);
  return { only, meetMs, shareMs };
}

/**
 * Two watch, and the line is cut: to each other only, or the second one's own; or that one gets another address.
 * @param {World} world @param {Origin} origin @param {Browser[]} browsers
 * @param {Cut} cut
 * @returns {Promise<Healing>}
 */
async function heal(world, origin, browsers, cut) {
  for (const home of world.homes) home.become("port");
  const { stunServers } = world;
  const swarm = { trackerUrls: [origin.trackerUrl], stunServers, swarmId: `cut ${cut}` };
  const [first, second] = browsers;
  // Live: somebody always waits for something, and nobody has all of it.
  const options = { src: origin.at("/live/index.m3u8"), hls: hlsBuilds["1.7"], swarm };
  if (!first || !second) throw new Error("two browsers");
  const neighbour = await Viewer.open(first, origin, options);
  try {
    const viewer = await Viewer.open(second, origin, options);
    await viewer.until("is fed", ({ stats }) => (stats?.peerBytes ?? 0) > 0);
    const home = /** @type {Home} */ (world.homes[1]);
    const stalls = (await viewer.state()).stalls.length;
    const began = performance.now();
    if (cut === "peers") home.cutFromPeers(true);
    else if (cut === "own") home.unplug(true);
    else home.move();
    const lost = async () => (await viewer.state()).stats?.peers.length === 0;
    const foundMs = (await becomes(lost, 1_000 * cutSeconds)) ? performance.now() - began : null;
    if (cut !== "address") await wait(cutSeconds - (performance.now() - began) / 1_000);
    if (cut === "peers") home.cutFromPeers(false);
    else if (cut === "own") home.unplug(false);
    const healed = performance.now();
    const linked = async () => ((await viewer.state()).stats?.peers.length ?? 0) > 0;
    const backMs = (await becomes(linked, 30_000)) ? performance.now() - healed : null;
    const shared = async () => {
      const states = await Promise.all([viewer, neighbour].map((it) => it.state()));
      return states.reduce((sum, { stats }) => sum + (stats?.peerBytes ?? 0), 0);
    };
    const before = await shared();
    const isFed = await becomes(async () => (await shared()) > before, 20_000);
    const state = await viewer.state();
    if (!isFed) log(JSON.stringify(state.segments.slice(-12)));
    return { cut, foundMs, backMs, isFed, stalls: state.stalls.length - stalls };
  } finally {
    await Promise.all(browsers.flatMap((browser) => browser.contexts().map((it) => it.close())));
  }
}

/** @param {() => Promise<boolean>} is @param {number} withinMs */
async function becomes(is, withinMs) {
  const end = performance.now() + withinMs;
  while (performance.now() < end) {
    if (await is()) return true;
    await wait(0.1);
  }
  return false;
}

/** @param {Meeting[]} meetings @param {Healing[]} healings @param {Six[]} sixes */
function report(meetings, healings, sixes) {
  const wrong = meetings.filter(
    ({ a, b, turn, meetMs }) => (meetMs !== null) !== (turn || canMeet(a, b)),
  );
  if (values.json) {
    console.log(
      JSON.stringify({ date: new Date().toISOString(), meetings, healings, sixes, wrong }),
    );
  } else {
    for (const turn of [false, true]) {
      const found = (/** @type {Kind} */ a, /** @type {Kind} */ b) =>
        meetings.find((it) => it.turn === turn && it.a === a && it.b === b);
      const cell = (/** @type {Meeting | undefined} */ it) =>
        it ? (milliseconds(it.shareMs) ?? "never") : null;
      printTable(
        `${turn ? "With" : "Without"} TURN: from joining to the first segment of a peer`,
        [...kinds],
        kinds.map((a) => [a, ...kinds.map((b) => cell(found(a, b) ?? found(b, a)))]),
      );
    }
    const times = meetings.flatMap(({ meetMs }) => (meetMs === null ? [] : [meetMs]));
    console.log(`\nlinked after ${milliseconds(median(times) ?? null)} in the middle`);
    printTable(
      `A line cut for ${cutSeconds} s, and another address for good`,
      ["found dead after", "linked again after", "fed again", "stalls"],
      healings.map(({ cut, foundMs, backMs, isFed, stalls }) => [
        cutNames[cut],
        milliseconds(foundMs) ?? "not",
        milliseconds(backMs) ?? "never",
        isFed ? "yes" : "no",
        stalls,
      ]),
    );
    printTable(
      "Two homes with IPv6",
      ["linked after", "first segment of a peer"],
      sixes.map(({ only, meetMs, shareMs }) => [
        only ? "and nothing else" : "and an IPv4 without UDP",
        milliseconds(meetMs) ?? "never",
        milliseconds(shareMs) ?? "never",
      ]),
    );
  }
  for (const { only } of sixes.filter(({ meetMs }) => meetMs === null)) {
    console.error(`two with ${only ? "nothing but IPv6" : "IPv6"} do not meet`);
    process.exitCode = 1;
  }
  for (const { a, b, turn } of wrong) {
    console.error(`${a} and ${b}, ${turn ? "TURN" : "no TURN"}: not as theory has it`);
    process.exitCode = 1;
  }
}
