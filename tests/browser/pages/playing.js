// @ts-check
// What a person would notice of a video that plays: the first frame, waits, what is buffered. It only
// listens, so that every kind of player is measured alike; it judges nothing.

/** A wait shorter than a frame or two is nothing a person sees. */
const stallMsMin = 60;
/** The playhead tells of itself four times a second; what it moved further than this was no playing. */
const jumpSecondsMin = 2;

/**
 * Watches from now on; times count from `startedAt` (of `performance.now()`).
 * @param {HTMLVideoElement} video
 * @param {number} startedAt
 */
export function watchPlaying(video, startedAt) {
  /** @type {{ atMs: number, ms: number }[]} */
  const stalls = [];
  /** @type {number | null} */
  let firstFrameMs = null;
  /** Where in the presentation. @type {number | null} */
  let firstFrameSeconds = null;
  /** @type {number | null} */
  let stalledAt = null;
  /** Seconds of the film that were shown, by the height of the picture. @type {Record<string, number>} */
  const pictures = {};
  let shownUntil = video.currentTime;
  video.requestVideoFrameCallback((_now, { mediaTime }) => {
    firstFrameMs ??= performance.now() - startedAt;
    firstFrameSeconds ??= mediaTime;
  });
  video.addEventListener("waiting", () => {
    if (firstFrameMs !== null && !video.seeking && !video.ended) stalledAt ??= performance.now();
  });
  for (const event of ["playing", "timeupdate"]) {
    video.addEventListener(event, () => {
      if (stalledAt === null || video.paused || video.readyState <= 2) return;
      const ms = performance.now() - stalledAt;
      if (ms >= stallMsMin) stalls.push({ atMs: stalledAt - startedAt, ms });
      stalledAt = null;
    });
  }
  video.addEventListener("timeupdate", () => {
    const seconds = video.currentTime - shownUntil;
    shownUntil = video.currentTime;
    if (seconds <= 0 || seconds > jumpSecondsMin || video.videoHeight === 0) return;
    pictures[video.videoHeight] = (pictures[video.videoHeight] ?? 0) + seconds;
  });
  // hls.js nudges the playhead over small gaps; what it waits out at the end of a VOD is no stall.
  video.addEventListener("ended", () => {
    stalledAt = null;
  });
  return () => {
    const bufferedEnd = endOfBuffer(video);
    return {
      firstFrameMs,
      firstFrameSeconds,
      stalls: [...stalls],
      pictures: { ...pictures },
      stalledMs: stalledAt === null ? 0 : performance.now() - stalledAt,
      now: performance.now() - startedAt,
      duration: Number.isFinite(video.duration) ? video.duration : 0,
      currentTime: video.currentTime,
      ended: video.ended,
      bufferedEnd,
      ahead: bufferedEnd - video.currentTime,
    };
  };
}

/** Where what can be played without a gap ends. @param {HTMLVideoElement} video */
function endOfBuffer(video) {
  const ranges = video.buffered;
  let end = video.currentTime;
  for (let at = 0; at < ranges.length; at += 1) {
    if (ranges.start(at) <= video.currentTime + 0.5) end = Math.max(end, ranges.end(at));
  }
  return end;
}

/** Runs a script of the page, and waits until it ran. @param {string} url */
export function loadScript(url) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`cannot load ${url}`));
    document.head.append(script);
  });
}
