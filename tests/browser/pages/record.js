// @ts-check
// What every viewer under test keeps a record of, whichever player it runs: frames and stalls of the video
// element, what its swarm told, and the bytes its player was handed. It judges nothing.

/** @typedef {{ url: string, start: number, end: number, bytes: number, sha256: string }} Fragment */

/** A wait shorter than a frame or two is nothing a person sees. */
const stallMsMin = 60;

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
  /** @type {{ atMs: number, ms: number }[]} */
  stalls: [],
  /** @type {Record<string, unknown>[]} */
  segments: [],
  /** @type {number | null} */
  firstFrameMs: null,
  /** @type {number | null} */
  firstPeerMs: null,
};
let startedAt = 0;
/** @type {number | null} */
let stalledAt = null;
/** @type {import("swarmline").Swarm | null} */
let swarm = null;

/** The clock runs from here. */
export function begin() {
  startedAt = performance.now();
  watchVideo();
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

/** @param {string} url @param {number} start @param {number} end @param {ArrayBuffer} data */
export function record(url, start, end, data) {
  const fragment = { url, start, end, bytes: data.byteLength, sha256: "" };
  seen.fragments.push(fragment);
  crypto.subtle.digest("SHA-256", data.slice(0)).then((digest) => {
    fragment.sha256 = Array.from(new Uint8Array(digest), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");
  });
}

function watchVideo() {
  video.requestVideoFrameCallback(() => {
    seen.firstFrameMs ??= performance.now() - startedAt;
  });
  video.addEventListener("waiting", () => {
    if (seen.firstFrameMs !== null && !video.seeking && !video.ended)
      stalledAt ??= performance.now();
  });
  for (const event of ["playing", "timeupdate"]) {
    video.addEventListener(event, () => {
      if (stalledAt !== null && !video.paused && video.readyState > 2) endStall();
    });
  }
  // hls.js nudges the playhead over small gaps; what it waits out at the end of a VOD is no stall.
  video.addEventListener("ended", () => {
    stalledAt = null;
  });
}

function endStall() {
  if (stalledAt === null) return;
  const ms = performance.now() - stalledAt;
  if (ms >= stallMsMin) seen.stalls.push({ atMs: stalledAt - startedAt, ms });
  stalledAt = null;
}

/** What a test may ask about any viewer, now. */
export function recorded() {
  const ranges = video.buffered;
  let bufferedEnd = video.currentTime;
  for (let at = 0; at < ranges.length; at += 1) {
    if (ranges.start(at) <= video.currentTime + 0.5)
      bufferedEnd = Math.max(bufferedEnd, ranges.end(at));
  }
  return {
    ...seen,
    stalledMs: stalledAt === null ? 0 : performance.now() - stalledAt,
    now: performance.now() - startedAt,
    duration: Number.isFinite(video.duration) ? video.duration : 0,
    currentTime: video.currentTime,
    ended: video.ended,
    bufferedEnd,
    ahead: bufferedEnd - video.currentTime,
    mediaError: video.error?.message ?? null,
    width: video.videoWidth,
    stats: swarm?.stats() ?? null,
    memoryBytes: /** @type {any} */ (performance).memory?.usedJSHeapSize ?? 0,
  };
}

/** @param {string} url */
export function loadScript(url) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`cannot load ${url}`));
    document.head.append(script);
  });
}
