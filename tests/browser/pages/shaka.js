// @ts-check
// One viewer: Shaka Player's compiled build, with or without a swarm. It plays what `start` names and keeps
// a record of what it saw; every media segment the player was handed is hashed.

import { loadScript } from "./playing.js";
import { begin, openSwarm, record, recorded, seen, video } from "./record.js";

/**
 * @typedef {object} ShakaOptions
 * @property {string} src the manifest
 * @property {string} shaka URL of Shaka's compiled build
 * @property {Record<string, unknown> | null} swarm what `createSwarm` gets; null plays plain
 * @property {Record<string, unknown>} [player] what `player.configure` gets
 * @property {boolean} [hash] hash what the player is handed (default true)
 * @property {boolean} [own] the app registers plug-ins of its own before, and names them
 * @property {{ module: string, trackerUrl: string }} [other] another library in place of ours: what its `join` gets
 */

/** @type {any} */
let player = null;
/** @type {import("swarmline").Swarm | null} */
let swarm = null;
/** @type {() => void} */
let detach = () => undefined;
/** Requests that reached the app's own plug-in. */
let ownRequests = 0;

/** @param {ShakaOptions} options */
async function start(options) {
  await loadScript(options.shaka);
  const swarmline = options.swarm
    ? await Promise.all([import("/dist/index.js"), import("/dist/shaka.js")])
    : null;
  const other = options.other ? await import(options.other.module) : null;
  const { shaka } = /** @type {any} */ (window);
  shaka.polyfill.installAll();
  begin();
  const inner = options.own ? registerOwn(shaka) : undefined;
  player = new shaka.Player();
  await player.attach(video);
  player.configure(options.player ?? {});
  player.addEventListener("error", (/** @type {any} */ { detail }) => fail(detail));
  other?.join(shaka, player, options.other);
  const networking = player.getNetworkingEngine();
  if (swarmline && options.swarm) {
    const [{ createSwarm }, { attachShaka }] = swarmline;
    swarm = openSwarm(createSwarm, options.swarm);
    detach = attachShaka(swarm, player, shaka, inner ? { inner } : {});
  }
  if (options.hash !== false) recordSegments(shaka, networking);
  player.load(options.src).catch(fail);
  video.play().catch(() => undefined);
}

/** @param {any} shaka @param {any} networking */
function recordSegments(shaka, networking) {
  const { RequestType, AdvancedRequestType } = shaka.net.NetworkingEngine;
  networking.registerResponseFilter(
    (/** @type {number} */ type, /** @type {any} */ response, /** @type {any} */ context) => {
      if (type !== RequestType.SEGMENT || context?.type !== AdvancedRequestType.MEDIA_SEGMENT)
        return;
      if (context.segment === undefined) return; // an index
      const [, first, last] =
        /bytes=(\d+)-(\d+)/.exec(response.originalRequest?.headers.Range) ?? [];
      const [begins, ends] = first && last ? [Number(first), Number(last) + 1] : [0, 0];
      record(response.uri, begins, ends, response.data, context.segment.getEndTime());
    },
  );
}

/** An app that brings its own plug-in: Shaka's, with a count. @param {any} shaka */
function registerOwn(shaka) {
  const { NetworkingEngine, HttpFetchPlugin } = shaka.net;
  const plugin = (/** @type {any[]} */ ...given) => {
    ownRequests += 1;
    return HttpFetchPlugin.parse(...given);
  };
  for (const scheme of ["http", "https"]) {
    const { APPLICATION } = NetworkingEngine.PluginPriority;
    NetworkingEngine.registerScheme(scheme, plugin, APPLICATION, true);
  }
  return { plugin, progressSupport: true };
}

/** @param {any} error */
function fail(error) {
  seen.errors.push({
    details: `${error.code} ${error.message ?? ""}`,
    fatal: error.severity === 2,
    code: error.data?.[1],
    url: error.data?.[0],
  });
}

/** Everything a test may ask about this viewer, now. */
function state() {
  const stats = player?.getStats() ?? {};
  return {
    ...recorded(),
    bandwidthEstimate: stats.estimatedBandwidth ?? 0,
    height: stats.height ?? 0,
    latency: Number.isFinite(stats.liveLatency) ? stats.liveLatency : 0,
    ownRequests,
  };
}

const viewer = {
  start,
  state,
  detach: () => detach(),
  /** From now on as far ahead as there is. */
  readAhead: () => player.configure({ streaming: { bufferingGoal: 60 } }),
  /** @param {number} seconds */
  seek: (seconds) => {
    video.currentTime = seconds;
  },
  /** Another rendition from now on. @param {number} at by bandwidth, from below */
  play: (at) => {
    player.configure({ abr: { enabled: false } });
    const tracks = player.getVariantTracks();
    tracks.sort((/** @type {any} */ a, /** @type {any} */ b) => a.bandwidth - b.bandwidth);
    player.selectVariantTrack(tracks[at]);
  },
  /** Another manifest in the same player. @param {string} src */
  load: (src) => {
    player.load(src).catch(fail);
  },
  destroy: async () => {
    await player?.destroy();
    swarm?.destroy();
  },
};
Object.assign(window, { viewer });
