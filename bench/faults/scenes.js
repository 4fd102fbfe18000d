// @ts-check
// The faults that the bench of faults strikes with: what fails, from when, and how it heals. Each meets a plain
// player as well, for what is asked is whether a swarm makes anything worse. It measures nothing.

import { join } from "node:path";
import { liarScript, lie } from "../../tests/browser/dishonest.js";
import { root } from "../../tests/browser/fixtures.js";

/** @typedef {import("../../tests/browser/harness.js").Origin} Origin */
/** @typedef {import("../../tests/browser/harness.js").Viewer} Viewer */
/** @typedef {{ origin: Origin, viewers: Viewer[], feeder: Viewer | null }} Stage */
/**
 * @typedef {object} Scene
 * @property {string} name
 * @property {string} about what happens, in a few words
 * @property {boolean} [fromStart] before anybody joins; else while all play
 * @property {"honest" | "liar"} [feeder] a further page of the swarm that has all of the film
 * @property {boolean} [isElsewhere] the film lies on another origin than the page
 * @property {{ path: string } | (() => void)} [prepare] runs in each viewer's page before anything else
 * @property {(stage: Stage) => Promise<unknown>} strike
 * @property {(stage: Stage) => Promise<unknown>} [heal] without it nothing heals
 */

const faultScript = { path: join(root, "tests", "browser", "pages", "fault.js") };
/** Segments; playlists and pages go on. */
const media = ".ts";

/** @param {string} kind @param {string} about @param {Partial<Scene>} [more] @returns {Scene} */
const cdn = (kind, about, more = {}) => ({
  name: `CDN: ${kind}`,
  about,
  strike: ({ origin }) => origin.fault(kind, more.fromStart ? media : ""),
  heal: ({ origin }) => origin.fault("none", ""),
  ...more,
});

/** @param {string} member of `window.fault` @returns {Scene["strike"]} */
const set = (member) => async (stage) => {
  await Promise.all(
    stage.viewers.map(({ page }) =>
      page.evaluate(
        (name) => Object.assign(Reflect.get(window, "fault"), { [name]: true }),
        member,
      ),
    ),
  );
};

/** @param {import("../../tests/browser/pages/liar.js").Kind} kind @param {string} about @returns {Scene} */
const liar = (kind, about) => ({
  name: `peer: ${kind}`,
  about,
  feeder: "liar",
  prepare: liarScript,
  strike: async ({ feeder }) => feeder && lie(feeder, kind),
});

/** @type {Scene[]} */
export const scenes = [
  cdn("down", "connections are closed without an answer"),
  cdn("503", "every answer is a 503"),
  cdn("slow", "50 kB/s a response, a third of the stream's rate"),
  cdn("stall", "nothing comes after half of a body"),
  cdn("truncate", "the connection ends after half of a body"),
  cdn("corrupt", "one bit of each 16 KiB is another"),
  cdn("no-range", "ranges are answered with the whole", { fromStart: true }),
  cdn("redirect", "segments are redirected", { fromStart: true }),
  {
    name: "CDN: hidden headers",
    about: "another origin, which shows a page no header but the safe ones",
    fromStart: true,
    isElsewhere: true,
    strike: async () => undefined,
  },
  {
    name: "tracker: down",
    about: "sockets are closed and new ones refused",
    strike: ({ origin }) => origin.tracker(false),
    heal: ({ origin }) => origin.tracker(true),
  },
  {
    name: "tracker: never there",
    about: "as above, before anybody joins",
    fromStart: true,
    strike: ({ origin }) => origin.tracker(false),
    heal: ({ origin }) => origin.tracker(true),
  },
  {
    name: "tracker: flapping",
    about: "there for a second, gone for a second",
    strike: flap,
    heal: ({ origin }) => origin.tracker(true),
  },
  {
    name: "tracker: nonsense",
    about: "no JSON, no shape, offers from nowhere",
    prepare: faultScript,
    strike: set("nonsense"),
  },
  {
    name: "peer: gone",
    about: "the page that has all of the film is closed while it sends",
    feeder: "honest",
    strike: async ({ feeder }) => feeder?.close(),
  },
  liar("drip", "the page that has all of the film sends a block every 0.7 s"),
  liar("flip", "one bit of each block is another"),
  liar("promises", "it promises what it never sends"),
  liar("flood", "every block a dozen times, and hundreds of messages"),
  {
    name: "wasm: not there",
    about: "the module is a 404",
    fromStart: true,
    strike: ({ origin }) => origin.fault("404", "swarmline.wasm"),
    heal: ({ origin }) => origin.fault("none", ""),
  },
  {
    name: "wasm: traps",
    about: "every call ends as `unreachable` does",
    prepare: faultScript,
    strike: set("traps"),
  },
  {
    name: "no WebRTC",
    about: "the browser has none",
    fromStart: true,
    prepare: () => {
      Reflect.deleteProperty(window, "RTCPeerConnection");
    },
    strike: async () => undefined,
  },
];

/** Off and on while the fault lasts. @param {Stage} stage */
async function flap({ origin }) {
  for (let turn = 0; turn < 5; turn += 1) {
    await origin.tracker(turn % 2 === 1);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}
