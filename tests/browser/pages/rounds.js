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
/** Shaka's registry has no getter: what was registered last, by scheme. @type {Map<string, unknown[]>} */
const schemes = new Map();

/** By player: one that plays `src`, and how swarms come to it. @type {Record<string, (src: string) => Promise<Stage>>} */
const stages = {
  hls: async (src) => {
    const { attachHls } = await import("/dist/hls.js");
    const Hls = Reflect.get(window, "Hls");
    const hls = new Hls({ maxBufferLength: 4 });
    hls.loadSource(src);
    hls.attachMedia(video);
    return { player: hls, attach: (swarm) => attachHls(swarm, hls), begin: () => undefined };
  },
  shaka: async (src) => {
    const { attachShaka } = await import("/dist/shaka.js");
    const shaka = Reflect.get(window, "shaka");
    watchSchemes(shaka.net.NetworkingEngine);
    const made = new shaka.Player();
    await made.attach(video);
    await made.load(src);
    const attach = (/** @type {any} */ swarm) => attachShaka(swarm, made, shaka);
    return { player: made, attach, begin: () => made.load(src) };
  },
  dash: async (src) => {
    const { attachDash } = await import("/dist/dash.js");
    const made = Reflect.get(window, "dashjs").MediaPlayer().create();
    const attach = (/** @type {any} */ swarm) => attachDash(swarm, made);
    // dash.js takes an override before it is initialised only, and keeps it.
    attach(createSwarm({ enabled: false }))();
    // Its servers of time are somewhere else.
    const streaming = { utcSynchronization: { enabled: false } };
    made.updateSettings({ debug: { logLevel: 0 }, streaming });
    made.initialize(video, src, true);
    const begin = async () => {
      /** @type {() => void} */
      let told = () => undefined;
      const begun = new Promise((resolve) => {
        told = () => resolve(undefined);
      });
      made.on("streamInitialized", told);
      made.attachSource(src);
      await begun;
      made.off("streamInitialized", told);
    };
    return { player: made, attach, begin };
  },
};

/** @param {{ src: string, script: string, player: "hls" | "shaka" | "dash" }} options */
async function start({ src, script, player }) {
  await loadScript(script);
  ({ createSwarm } = await import("/dist/index.js"));
  stage = (await stages[player]?.(src)) ?? null;
  // What a player keeps by itself from its first stream on is not ours to count.
  while (video.readyState < 2) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** @param {any} registry */
function watchSchemes(registry) {
  const { registerScheme, unregisterScheme } = registry;
  registry.registerScheme = (/** @type {string} */ scheme, /** @type {any[]} */ ...rest) => {
    schemes.set(String(scheme), rest);
    registerScheme.call(registry, scheme, ...rest);
  };
  registry.unregisterScheme = (/** @type {string} */ scheme) => {
    schemes.delete(scheme);
    unregisterScheme.call(registry, scheme);
  };
}

/** Which schemes were registered, and are Shaka's own again. */
function ownSchemes() {
  const { HttpFetchPlugin, NetworkingEngine } = Reflect.get(window, "shaka").net;
  const own = [HttpFetchPlugin.parse, NetworkingEngine.PluginPriority.PREFERRED, true];
  const isOwn = (/** @type {unknown[]} */ now) => own.every((value, at) => now[at] === value);
  return [...schemes].map(([scheme, now]) => [scheme, isOwn(now)]);
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
    // And until it has begun, with a socket and the first connections.
    for (let wait = 0; wait < 100 && swarm.stats().trackers.length === 0; wait += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
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
  ownSchemes,
};
Object.assign(window, { page });
