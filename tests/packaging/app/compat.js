// A page written for p2p-media-loader, its import exchanged: its own tracker and events, and the stream
// that its address names.

import Hls from "hls.js";
import { HlsJsP2PEngine } from "swarmline/p2p-media-loader";

const words = new URLSearchParams(location.search);
const seen = { p2p: 0, http: 0, connected: 0, uploaded: 0, loaded: [], video: null, stats: null };
globalThis.seen = seen;

const HlsWithP2P = HlsJsP2PEngine.injectMixin(Hls);
const hls = new HlsWithP2P({
  maxBufferLength: 60,
  p2p: {
    core: {
      announceTrackers: [words.get("tracker")],
      rtcConfig: { iceServers: [] },
      highDemandTimeWindow: 4,
      simultaneousP2PDownloads: 3,
    },
    onHlsJsCreated(created) {
      const engine = created.p2pEngine;
      engine.addEventListener("onPeerConnect", () => {
        seen.connected += 1;
      });
      engine.addEventListener("onChunkDownloaded", (bytes, source) => {
        seen[source] += bytes;
      });
      engine.addEventListener("onChunkUploaded", (bytes) => {
        seen.uploaded += bytes;
      });
      engine.addEventListener("onSegmentLoaded", ({ segmentUrl, bytesLength, downloadSource }) => {
        seen.loaded.push({ segmentUrl, bytesLength, downloadSource });
      });
    },
  },
});
const video = document.createElement("video");
video.muted = true;
seen.video = video;
document.body.append(video);
hls.attachMedia(video);
hls.loadSource(words.get("src"));
