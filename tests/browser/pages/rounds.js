// @ts-check
// A page on which a player plays while swarms come and go: one round is a new swarm, attached until it runs
// and detached again. The player stays. It judges nothing.

import { loadScript } from "./playing.js";

const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
/** @typedef {{ player: any, attach: (swarm: any) => () => void, begin: () => unknown }} Stage */
/** @type {Stage | null} */
let stage = null;
/** @type {typeof import("swarmline").createSwarm} */
let createSwarm;
let links = 0;
/** Of the engine's module, while a swarm ran. */
let wasmMemoryBytes = 0;

/** @param {{ src: string, script: string, player: "hls" | "shaka" }} options */
async function start({ src, script, player }) {
  await loadScript(script);
  ({ createSwarm } = await import("/dist/index.js"));
  if (player === "hls") {
    const { attachHls } = await import("/dist/hls.js");
    const Hls = Reflect.get(window, "Hls");
    const hls = new Hls({ maxBufferLength: 4 });
    hls.loadSource(src);
    hls.attachMedia(video);
    stage = { player: hls, attach: (swarm) => attachHls(swarm, hls), begin: () => undefined };
  } else {
    const { attachShaka } = await import("/dist/shaka.js");
    const shaka = Reflect.get(window, "shaka");
    const made = new shaka.Player();
    await made.attach(video);
    stage = {
      player: made,
      attach: (swarm) => attachShaka(swarm, made, shaka),
      begin: () => made.load(src),
    };
    await made.load(src);
  }
  // What a player keeps by itself from its first stream on is not ours to count.
  while (video.readyState < 2) await new Promise((resolve) => setTimeout(resolve, 50));
}

/**
 * Some rounds, one after another.
 * @param {number} count
 * @param {Record<string, unknown>} config
 */
async function rounds(count, config) {
  if (!stage) throw new Error("start first");
  for (let at = 0; at < count; at += 1) {
    const linksBefore = links;
    const swarm = createSwarm(config);
    const silence = [
      swarm.on("stats", () => undefined),
      swarm.on("peer", ({ state }) => {
        if (state === "open") links += 1;
      }),
    ];
    const detach = stage.attach(swarm);
    await stage.begin();
    for (let wait = 0; wait < 100 && swarm.stats().state !== "running"; wait += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
    if (swarm.stats().state !== "running") throw new Error(`round ${at}: ${swarm.stats().state}`);
    // Every tenth one stays until it is linked to somebody.
    for (let wait = 0; at % 10 === 0 && wait < 500 && links === linksBefore; wait += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
    ({ wasmMemoryBytes } = swarm.stats());
    if (at % 2 === 0) detach();
    for (const end of silence.slice(0, at % 3)) end();
    swarm.destroy();
  }
}

const page = {
  start,
  rounds,
  /** The same without a swarm: what the player itself keeps of it. @param {number} count */
  plain: async (count) => {
    for (let at = 0; at < count; at += 1) await stage?.begin();
  },
  open: () => Reflect.get(window, "heldNow")(),
  /** Links that ever opened. */
  links: () => links,
  wasmMemoryBytes: () => wasmMemoryBytes,
};
Object.assign(window, { page });
export {};
