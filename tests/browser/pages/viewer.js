// @ts-check
// One viewer: hls.js's UMD build (with its worker, as most pages have it), with or without a swarm.
// It decides nothing and judges nothing: it plays what `start` names and keeps a record of what it saw,
// which the test reads. Every byte the player was handed is hashed before the player gets it.

import { loadScript, watchPlaying } from "./playing.js";

/** @typedef {import("hls.js").default} Hls */
/** @typedef {{ url: string, start: number, end: number, bytes: number, sha256: string }} Fragment */
/**
 * @typedef {object} Options
 * @property {string} src the playlist
 * @property {string} hls URL of hls.js's UMD build
 * @property {Record<string, unknown> | null} swarm what `createSwarm` gets; null plays plain
 * @property {Record<string, unknown>} [player] what `new Hls` gets
 * @property {boolean} [hash] hash what the player is handed (default true)
 * @property {number} [level] play this rendition, whatever the bandwidth
 * @property {number} [attachLateMs] attach the swarm only this long after `loadSource`
 */

const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
const NativeWorker = window.Worker;
const seen = {
  workers: 0,
  /** @type {{ details: string, fatal: boolean, code: number | undefined, url: string | undefined }[]} */
  errors: [],
  /** @type {{ code: string, message: string }[]} */
  warnings: [],
  /** @type {{ code: string, message: string }[]} */
  swarmErrors: [],
  /** @type {import("swarmline").PeerEvent[]} */
  peers: [],
  /** @type {Fragment[]} */
  fragments: [],
  /** @type {number[]} */
  levels: [],
  /** @type {Record<string, unknown>[]} */
  segments: [],
  /** @type {number | null} */
  firstPeerMs: null,
};
let playing = watchPlaying(video, 0);
/** @type {Hls | null} */
let hls = null;
/** @type {import("swarmline").Swarm | null} */
let swarm = null;

window.Worker = class extends NativeWorker {
  /** @param {string | URL} url @param {WorkerOptions} [options] */
  constructor(url, options) {
    super(url, options);
    seen.workers += 1;
  }
};

/** Loads the scripts, as a page does before anybody presses play; then the clock runs. @param {Options} options */
async function start(options) {
  await loadScript(options.hls);
  const swarmline = options.swarm ? await loadSwarmline() : null;
  const HlsClass = /** @type {typeof import("hls.js").default} */ (Reflect.get(window, "Hls"));
  playing = watchPlaying(video, performance.now());
  const player = new HlsClass(options.player);
  hls = player;
  player.on(HlsClass.Events.ERROR, (_event, data) => {
    const code = data.response?.code;
    seen.errors.push({
      details: data.details,
      fatal: data.fatal,
      code,
      url: data.frag?.url ?? data.url,
    });
  });
  player.on(HlsClass.Events.LEVEL_SWITCHED, (_event, data) => seen.levels.push(data.level));
  player.on(HlsClass.Events.MANIFEST_PARSED, () => {
    if (options.level !== undefined) player.loadLevel = options.level;
  });
  const attach = () => {
    if (swarmline && options.swarm) attachSwarm(swarmline, player, options.swarm);
    if (options.hash !== false) hashWhatPlayerGets(player);
  };
  if (options.attachLateMs === undefined) attach();
  player.loadSource(options.src);
  player.attachMedia(video);
  video.play().catch(() => undefined);
  if (options.attachLateMs !== undefined) setTimeout(attach, options.attachLateMs);
}

async function loadSwarmline() {
  const [{ createSwarm }, { attachHls }] = await Promise.all([
    import("/dist/index.js"),
    import("/dist/hls.js"),
  ]);
  return { createSwarm, attachHls };
}

/** @param {Awaited<ReturnType<typeof loadSwarmline>>} swarmline @param {Hls} player @param {Record<string, unknown>} config */
function attachSwarm({ createSwarm, attachHls }, player, config) {
  const createdAt = performance.now();
  swarm = createSwarm(config);
  swarm.on("peer", (peer) => {
    seen.peers.push({ ...peer });
    if (peer.state === "open") seen.firstPeerMs ??= performance.now() - createdAt;
  });
  swarm.on("segment", (segment) => seen.segments.push({ ...segment }));
  swarm.on("warning", (warning) =>
    seen.warnings.push({ code: warning.code, message: warning.message }),
  );
  swarm.on("error", (error) =>
    seen.swarmErrors.push({ code: error.code, message: `${error.message} ${error.cause ?? ""}` }),
  );
  attachHls(swarm, player);
}

/** Wraps the fragment loader that is in force, so that the bytes are read before hls.js detaches them. @param {Hls} player */
function hashWhatPlayerGets(player) {
  const config = /** @type {any} */ (player.config);
  const Inner = config.fLoader ?? config.loader;
  config.fLoader = class extends Inner {
    /** @param {any} context @param {any} loaderConfig @param {any} callbacks */
    load(context, loaderConfig, callbacks) {
      const { rangeStart = 0, rangeEnd = 0, url } = context;
      super.load(context, loaderConfig, {
        ...callbacks,
        /** @param {any} response @param {any[]} rest */
        onSuccess: (response, ...rest) => {
          record(url, rangeStart, rangeEnd, response.data);
          callbacks.onSuccess(response, ...rest);
        },
      });
    }
  };
}

/** @param {string} url @param {number} start @param {number} end @param {ArrayBuffer} data */
function record(url, start, end, data) {
  const fragment = { url, start, end, bytes: data.byteLength, sha256: "" };
  seen.fragments.push(fragment);
  crypto.subtle.digest("SHA-256", data.slice(0)).then((digest) => {
    fragment.sha256 = Array.from(new Uint8Array(digest), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");
  });
}

/** Everything a test may ask about this viewer, now. */
function state() {
  return {
    ...seen,
    ...playing(),
    mediaError: video.error?.message ?? null,
    width: video.videoWidth,
    latency: hls?.latency ?? 0,
    level: hls?.currentLevel ?? -1,
    bandwidthEstimate: hls?.bandwidthEstimate ?? 0,
    stats: swarm?.stats() ?? null,
    memoryBytes: /** @type {any} */ (performance).memory?.usedJSHeapSize ?? 0,
  };
}

const viewer = {
  start,
  state,
  /** @param {number} level */
  switchTo: (level) => {
    if (hls) hls.currentLevel = level;
  },
  /** @param {number} seconds */
  seek: (seconds) => {
    video.currentTime = seconds;
  },
  /** @param {number} rate */
  speed: (rate) => {
    video.playbackRate = rate;
  },
  destroy: () => {
    hls?.destroy();
    swarm?.destroy();
  },
};

/** @typedef {typeof viewer} Viewer */
/** @typedef {ReturnType<typeof state>} State */
Object.assign(window, { viewer });
