// @ts-check
// One viewer: dash.js, with or without a swarm. It plays what `start` names and keeps a record of what it saw;
// every media segment the player was handed is hashed.

import { loadScript } from "./playing.js";
import { begin, openSwarm, record, recorded, seen, video } from "./record.js";

/**
 * @typedef {object} DashOptions
 * @property {string} src the MPD
 * @property {string} dash URL of dash.js's build
 * @property {Record<string, unknown> | null} swarm what `createSwarm` gets; null plays plain
 * @property {Record<string, unknown>} [player] what `player.updateSettings` gets
 * @property {number} [level] height of the one rendition to play; nothing leaves it to dash.js
 */

/** @type {any} */
let player = null;
/** @type {import("swarmline").Swarm | null} */
let swarm = null;
/** @type {() => void} */
let detach = () => undefined;

/** @param {DashOptions} options */
async function start(options) {
  await loadScript(options.dash);
  const swarmline = options.swarm
    ? await Promise.all([import("/dist/index.js"), import("/dist/dash.js")])
    : null;
  const { dashjs } = /** @type {any} */ (window);
  begin();
  player = dashjs.MediaPlayer().create();
  player.updateSettings({
    debug: { logLevel: 0 },
    streaming: {
      buffer: { bufferTimeAtTopQuality: 4, bufferTimeDefault: 4 },
      // Its servers of time are somewhere else.
      utcSynchronization: { enabled: false },
    },
  });
  player.updateSettings(options.player ?? {});
  player.on("error", (/** @type {any} */ { error }) => {
    const { request, response } = error.data ?? {};
    seen.errors.push({
      details: `${error.code} ${error.message ?? ""}`,
      fatal: true,
      code: response?.status,
      url: request?.url,
    });
  });
  if (swarmline && options.swarm) {
    const [{ createSwarm }, { attachDash }] = swarmline;
    swarm = openSwarm(createSwarm, options.swarm);
    detach = attachDash(swarm, player);
  }
  player.initialize();
  player.addResponseInterceptor(async (/** @type {any} */ response) => {
    const { request, data } = response;
    const about = request.customData.request;
    if (
      about.type === "MediaSegment" &&
      Number.isFinite(about.index) &&
      data instanceof ArrayBuffer
    ) {
      const [, first, last] = /(\d+)-(\d+)/.exec(about.range ?? "") ?? [];
      const [begins, ends] = first && last ? [Number(first), Number(last) + 1] : [0, 0];
      record(request.url, begins, ends, data);
    }
    return response;
  });
  // A play() of ours would come before dash.js listens, and it would never refresh a live MPD.
  player.setAutoPlay(true);
  player.attachView(video);
  player.attachSource(options.src);
}

/** Everything a test may ask about this viewer, now. */
function state() {
  return { ...recorded(), bandwidthEstimate: estimate(), height: video.videoHeight };
}

function estimate() {
  const kbit = player?.getAverageThroughput?.("video");
  return Number.isFinite(kbit) ? kbit * 1_000 : 0;
}

const viewer = {
  start,
  state,
  detach: () => detach(),
  /** From now on as far ahead as there is. */
  readAhead: () =>
    player.updateSettings({
      streaming: { buffer: { bufferTimeAtTopQuality: 60, bufferTimeDefault: 60 } },
    }),
  /** @param {number} seconds */
  seek: (seconds) => {
    video.currentTime = seconds;
  },
  /** Another rendition from now on. @param {number} at by bandwidth, from below */
  play: (at) => {
    player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false } } } });
    const wanted = player.getRepresentationsByType("video")[at];
    player.setRepresentationForTypeById("video", wanted.id);
  },
  /** Another manifest in the same player. @param {string} src */
  load: (src) => player.attachSource(src),
  destroy: () => {
    player?.destroy();
    swarm?.destroy();
  },
};
Object.assign(window, { viewer });

/** @typedef {ReturnType<typeof state>} DashState */
export {};
