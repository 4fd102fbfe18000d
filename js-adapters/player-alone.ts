/**
 * `<swarmline-player>` with its players beside it (`embed/player.js`): for a page without a bundler, and
 * for the embed page. hls.js and Shaka are chunks of the same folder, loaded when a stream needs them.
 *
 * Invariant: nothing but this folder is asked for anything.
 */

import { SwarmlinePlayer } from "./player.js";

export { SwarmlinePlayer };

// A bundled hls.js cannot find its worker's source in itself; and a browser starts workers of the page's
// own origin only.
const worker = new URL("./hls.worker.js", import.meta.url);
const { players } = SwarmlinePlayer;
if (typeof location !== "undefined" && worker.origin === location.origin) {
  const hlsConfig = { ...players.hlsConfig, workerPath: worker.href };
  SwarmlinePlayer.players = { ...players, hlsConfig };
}
