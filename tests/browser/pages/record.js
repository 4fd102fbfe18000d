// @ts-check
// What every viewer under test keeps a record of, whichever player it runs: frames and stalls of the video
// element, what its swarm told, and the bytes its player was handed. It judges nothing.

import { watchPlaying } from "./playing.js";

/**
 * `start` and `end` are bytes of the file; `untilSeconds` is where it ends in the presentation, if its player tells.
 * @typedef {{ url: string, start: number, end: number, bytes: number, sha256: string, untilSeconds: number | null }} Fragment
 */

export const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
export const seen = {
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
/** @type {import("swarmline").Swarm | null} */
let swarm = null;

/** The clock runs from here. */
export function begin() {
  playing = watchPlaying(video, performance.now());
}

/** A swarm of this page's, listened to. @param {typeof import("swarmline").createSwarm} createSwarm @param {Record<string, unknown>} config */
export function openSwarm(createSwarm, config) {
  const createdAt = performance.now();
  const opened = createSwarm(config);
  swarm = opened;
  opened.on("peer", (peer) => {
    seen.peers.push({ ...peer });
    if (peer.state === "open") seen.firstPeerMs ??= performance.now() - createdAt;
  });
  opened.on("segment", (segment) => seen.segments.push({ ...segment }));
  opened.on("warning", (warning) =>
    seen.warnings.push({ code: warning.code, message: warning.message }),
  );
  opened.on("error", (error) =>
    seen.swarmErrors.push({ code: error.code, message: `${error.message} ${error.cause ?? ""}` }),
  );
  return opened;
}

/** @param {string} url @param {number} start @param {number} end @param {ArrayBuffer} data @param {number | null} [untilSeconds] */
export function record(url, start, end, data, untilSeconds = null) {
  const fragment = { url, start, end, bytes: data.byteLength, sha256: "", untilSeconds };
  seen.fragments.push(fragment);
  crypto.subtle.digest("SHA-256", data.slice(0)).then((digest) => {
    fragment.sha256 = Array.from(new Uint8Array(digest), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");
  });
}

/** What a test may ask about any viewer, now. */
export function recorded() {
  return {
    ...seen,
    ...playing(),
    mediaError: video.error?.message ?? null,
    width: video.videoWidth,
    stats: swarm?.stats() ?? null,
    memoryBytes: /** @type {any} */ (performance).memory?.usedJSHeapSize ?? 0,
  };
}
