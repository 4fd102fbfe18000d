// @ts-check
// p2p-media-loader's Shaka adapter in place of our swarm, for the DASH benchmark: its own defaults, our tracker. The page
// and all that is measured is `tests/browser/pages/shaka.js`.

import { seen } from "/test/record.js";

const folder = "/incumbent/p2p-media-loader-shaka";
const map = document.createElement("script");
map.type = "importmap";
// Its adapter is older than its core, and brings the one that it belongs to.
map.textContent = JSON.stringify({
  imports: {
    "p2p-media-loader-core": `${folder}/node_modules/p2p-media-loader-core/dist/p2p-media-loader-core.es.min.js`,
  },
});
document.head.append(map);
const { ShakaP2PEngine } = await import(
  /** @type {any} */ (`${folder}/dist/p2p-media-loader-shaka.es.min.js`)
);

/** As its documentation has it. @param {any} shaka @param {any} player @param {{ trackerUrl: string }} options */
export function join(shaka, player, { trackerUrl }) {
  ShakaP2PEngine.registerPlugins(shaka);
  const core = { announceTrackers: [trackerUrl], rtcConfig: { iceServers: [] } };
  const engine = new ShakaP2PEngine({ core }, shaka);
  const joinedAt = performance.now();
  engine.addEventListener("onPeerConnect", () => {
    seen.firstPeerMs ??= performance.now() - joinedAt;
  });
  engine.bindShakaPlayer(player);
}
