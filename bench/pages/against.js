// @ts-check
// One viewer of the side-by-side benchmark: hls.js alone, under p2p-media-loader, or with swarmline. All
// three are watched by the same code; what a library says of itself is kept apart, as `own`. It judges
// nothing.

import { loadScript, watchPlaying } from "/test/playing.js";

/** @typedef {import("hls.js").default} Hls */
/** @typedef {typeof import("hls.js").default} HlsClass */
/**
 * @typedef {object} Options
 * @property {"plain" | "incumbent" | "swarmline"} library
 * @property {string} src the playlist
 * @property {string} trackerUrl
 * @property {Record<string, unknown>} player what hls.js is given
 * @property {Record<string, unknown>} core what the incumbent's core is given beside tracker and ICE servers
 */
/**
 * @typedef {object} Own what a library says of itself
 * @property {number} peerBytes from peers
 * @property {number} cdnBytes
 * @property {number} uploadedBytes
 * @property {number} discardedBytes
 * @property {number} wasmBytes
 * @property {number} connects peers that connected
 * @property {{ url: string, bytes: number }[]} held segments that are whole, used or not
 * @property {number} [kept] how many it has whole, where it names none
 * @property {string[]} complaints
 */

const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
const hlsUrl = "/hls-1.7/hls.min.js";
const incumbentUrl = "/incumbent/p2p-media-loader-hlsjs/dist/p2p-media-loader-hlsjs.es.min.js";

let startedAt = 0;
let playing = watchPlaying(video, 0);
/** @type {Hls | null} */
let hls = null;
/** What a library says of itself. @type {() => Own} */
let own = () => ({
  ...{ peerBytes: 0, cdnBytes: 0, uploadedBytes: 0, discardedBytes: 0, wasmBytes: 0, connects: 0 },
  ...{ held: [], complaints: [] },
});
const seen = {
  /** What the player was handed. @type {{ url: string, bytes: number }[]} */
  fragments: [],
  /** @type {{ details: string, fatal: boolean }[]} */
  errors: [],
  /** Seconds in which a picture of this height stood there. @type {Record<string, number>} */
  heights: {},
  /** Tasks of the main thread over 50 ms. */
  longTasks: 0,
  longTaskMs: 0,
};

/** Loads the scripts, as a page does before anybody presses play; then the clock runs. @param {Options} options */
async function start(options) {
  await loadScript(hlsUrl);
  const HlsJs = /** @type {HlsClass} */ (Reflect.get(window, "Hls"));
  const make = await makers[options.library](HlsJs);
  startedAt = performance.now();
  playing = watchPlaying(video, startedAt);
  watchMainThread();
  const player = make(options);
  hls = player;
  player.on(HlsJs.Events.ERROR, (_event, data) => {
    seen.errors.push({ details: data.details, fatal: data.fatal });
  });
  countWhatPlayerGets(player);
  player.loadSource(options.src);
  player.attachMedia(video);
  video.play().catch(() => undefined);
}

/** By library: loads it, and says how its player is made. @type {Record<Options["library"], (HlsJs: HlsClass) => Promise<(options: Options) => Hls>>} */
const makers = {
  plain: async (HlsJs) => () => new HlsJs(),
  incumbent: async (HlsJs) => {
    const { HlsJsP2PEngine } = await import(/** @type {any} */ (incumbentUrl));
    const WithP2P = HlsJsP2PEngine.injectMixin(HlsJs);
    return ({ trackerUrl, player, core }) =>
      new WithP2P({
        ...player,
        enableWorker: false,
        p2p: {
          core: { announceTrackers: [trackerUrl], rtcConfig: { iceServers: [] }, ...core },
          onHlsJsCreated: (/** @type {any} */ player) => listenToIncumbent(player.p2pEngine),
        },
      });
  },
  swarmline: async (HlsJs) => {
    const [{ createSwarm }, { attachHls }] = await Promise.all([
      import("/dist/index.js"),
      import("/dist/hls.js"),
    ]);
    return ({ trackerUrl }) => {
      const player = new HlsJs();
      const swarm = createSwarm({ trackerUrls: [trackerUrl], stunServers: [] });
      listenToSwarm(swarm);
      attachHls(swarm, player);
      return player;
    };
  },
};

/** Its own events. @param {any} engine */
function listenToIncumbent(engine) {
  const said = own();
  own = () => said;
  const on = (/** @type {string} */ name, /** @type {(...args: any[]) => void} */ listener) =>
    engine.addEventListener(name, listener);
  on("onPeerConnect", () => {
    said.connects += 1;
  });
  on("onChunkDownloaded", (bytes, source) => {
    if (source === "p2p") said.peerBytes += bytes;
    else said.cdnBytes += bytes;
  });
  on("onChunkUploaded", (bytes) => {
    said.uploadedBytes += bytes;
  });
  on("onSegmentLoaded", ({ segmentUrl, bytesLength }) => {
    said.held.push({ url: segmentUrl, bytes: bytesLength });
  });
  on("onSegmentError", ({ error }) => said.complaints.push(`segment: ${error?.type ?? error}`));
  on("onPeerError", ({ error }) => said.complaints.push(`peer: ${error?.message ?? error}`));
  on("onTrackerError", ({ error }) => said.complaints.push(`tracker: ${error?.message ?? error}`));
}

/** @param {import("swarmline").Swarm} swarm */
function listenToSwarm(swarm) {
  /** @type {string[]} */
  const complaints = [];
  let connects = 0;
  swarm.on("peer", ({ state }) => {
    if (state === "open") connects += 1;
  });
  swarm.on("warning", ({ code }) => complaints.push(code));
  swarm.on("error", ({ code }) => complaints.push(code));
  own = () => {
    const { peerBytes, cdnBytes, uploadedBytes, discardedBytes, ...stats } = swarm.stats();
    return {
      ...{ peerBytes, cdnBytes, uploadedBytes, discardedBytes },
      ...{ wasmBytes: stats.wasmMemoryBytes, connects, held: [], complaints },
      kept: stats.cacheSegments,
    };
  };
}

/** Wraps the fragment loader that is in force, and counts what it hands over. @param {Hls} player */
function countWhatPlayerGets(player) {
  const config = /** @type {any} */ (player.config);
  const Inner = config.fLoader ?? config.loader;
  config.fLoader = class extends Inner {
    /** @param {any} context @param {any} loaderConfig @param {any} callbacks */
    load(context, loaderConfig, callbacks) {
      super.load(context, loaderConfig, {
        ...callbacks,
        /** @param {any} response @param {any[]} rest */
        onSuccess: (response, ...rest) => {
          seen.fragments.push({ url: context.url, bytes: response.data.byteLength });
          callbacks.onSuccess(response, ...rest);
        },
      });
    }
  };
}

/** Once a second which picture is there, and each long task. */
function watchMainThread() {
  setInterval(() => {
    if (video.videoHeight > 0 && !video.ended) {
      seen.heights[video.videoHeight] = (seen.heights[video.videoHeight] ?? 0) + 1;
    }
  }, 1000);
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      seen.longTasks += 1;
      seen.longTaskMs += duration;
    }
  }).observe({ type: "longtask" });
}

/** Everything this viewer saw, now. */
function state() {
  const links = /** @type {import("./links.js").Links} */ (Reflect.get(window, "links"));
  return {
    ...playing(),
    ...seen,
    latency: hls?.latency ?? 0,
    firstPeerMs: links.firstOpenAt === null ? null : links.firstOpenAt - startedAt,
    linksOpened: links.opened,
    receivedBytes: links.receivedBytes,
    sentBytes: links.sentBytes,
    own: own(),
    /** Scripts and modules that the page loaded, this benchmark's own left out. */
    scripts: performance
      .getEntriesByType("resource")
      .map(({ name }) => new URL(name).pathname)
      .filter((path) => /\.(js|mjs|wasm)$/.test(path) && !/^\/(test|bench)\//.test(path)),
  };
}

const viewer = { start, state };
/** @typedef {ReturnType<typeof state>} State */
Object.assign(window, { viewer });
