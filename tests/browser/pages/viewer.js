// @ts-check
// One viewer: hls.js's UMD build (with its worker, as most pages have it), with or without a swarm.
// It decides nothing and judges nothing: it plays what `start` names and keeps a record of what it saw,
// which the test reads. Every byte the player was handed is hashed before the player gets it.

import { loadScript } from "./playing.js";
import { begin, openSwarm, record, recorded, seen, video } from "./record.js";

/** @typedef {import("hls.js").default} Hls */
/** @typedef {import("./record.js").Fragment} Fragment */
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

const NativeWorker = window.Worker;
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
  begin();
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

/** @type {(yes: boolean) => void} */
let agree = () => undefined;
/** A viewer who is asked, and answers when the test says so. @type {Promise<boolean>} */
const answer = new Promise((resolve) => {
  agree = resolve;
});

/** @param {Awaited<ReturnType<typeof loadSwarmline>>} swarmline @param {Hls} player @param {Record<string, unknown>} config */
function attachSwarm({ createSwarm, attachHls }, player, config) {
  // Functions do not cross into a page.
  const asks = config["onConsent"] === "asked" ? { onConsent: () => answer } : {};
  swarm = openSwarm(createSwarm, { ...config, ...asks });
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

/** Everything a test may ask about this viewer, now. */
function state() {
  return {
    ...recorded(),
    latency: hls?.latency ?? 0,
    level: hls?.currentLevel ?? -1,
    bandwidthEstimate: hls?.bandwidthEstimate ?? 0,
  };
}

const viewer = {
  start,
  state,
  /** From now on as far ahead as there is, as hls.js does by itself. */
  readAhead: () => {
    if (hls) Object.assign(hls.config, { maxBufferLength: 30, maxMaxBufferLength: 600 });
  },
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
  /** @param {import("swarmline").SwarmConfig} options */
  update: (options) => swarm?.update(options),
  /** The viewer's yes. */
  consent: () => agree(true),
  diagnose: () => swarm?.diagnose(),
  destroy: () => {
    hls?.destroy();
    swarm?.destroy();
  },
};
Object.assign(window, { viewer });

/** @typedef {typeof viewer} Viewer */
/** @typedef {ReturnType<typeof state>} State */
export {};
