// What every packed page does: play the stream that its address names, through a swarm, and keep what
// happens where a test can read it.

/**
 * @param {{ Hls: any, createSwarm: any, attachHls: any }} loaded
 * @param {Record<string, unknown>} [config]
 */
export function play({ Hls, createSwarm, attachHls }, config = {}) {
  const words = new URLSearchParams(location.search);
  const seen = { violations: [], errors: [], warnings: [], segments: 0, swarm: null, video: null };
  globalThis.seen = seen;
  addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
    seen.violations.push(`${violatedDirective} ${blockedURI}`),
  );
  const trackerUrls = [words.get("tracker")];
  const publicKey = words.get("key") ?? undefined;
  const swarm = createSwarm({ trackerUrls, stunServers: [], publicKey, ...config });
  seen.swarm = swarm;
  swarm.on("error", ({ code }) => seen.errors.push(code));
  swarm.on("warning", ({ code }) => seen.warnings.push(code));
  const hls = new Hls({ maxBufferLength: 60 });
  hls.on("hlsFragBuffered", () => {
    seen.segments += 1;
  });
  attachHls(swarm, hls);
  const video = document.createElement("video");
  video.muted = true;
  seen.video = video;
  document.body.append(video);
  hls.loadSource(words.get("src"));
  hls.attachMedia(video);
}
