/**
 * p2p-media-loader's events, told from ours. Theirs come with each chunk, ours with each segment: sums are
 * the same, steps are larger. `onSegmentStart`, `onSegmentAbort` and `onSegmentError` never come: what one
 * source does not bring another one does, and the player tells what it could not load.
 *
 * Invariant: bytes are told once, by where they came from.
 */

import type { SegmentEvent } from "./stats.js";
import type { Swarm } from "./swarm.js";

/** Where bytes came from. */
export type CompatDownloadSource = "http" | "p2p";

/** Which of their two streams; ours are one. */
type CompatStreamType = "main" | "secondary";

interface PeerDetails {
  peerId: string;
  streamType: CompatStreamType;
}

/** Their events by name. */
export interface CompatEvents {
  onSegmentLoaded: (details: {
    segmentUrl: string;
    bytesLength: number;
    downloadSource: CompatDownloadSource;
    peerId: string | undefined;
    streamType: CompatStreamType;
  }) => void;
  onSegmentStart: (details: never) => void;
  onSegmentError: (details: never) => void;
  onSegmentAbort: (details: never) => void;
  onPeerConnect: (details: PeerDetails) => void;
  onPeerClose: (details: PeerDetails) => void;
  onPeerError: (details: PeerDetails & { error: Error }) => void;
  onChunkDownloaded: (
    bytesLength: number,
    downloadSource: CompatDownloadSource,
    peerId?: string,
  ) => void;
  onChunkUploaded: (bytesLength: number, peerId: string) => void;
  onTrackerError: (details: { streamType: CompatStreamType; error: unknown }) => void;
  onTrackerWarning: (details: { streamType: CompatStreamType; warning: unknown }) => void;
}

/** Ends of a connection that were somebody's fault. */
const FAULTS: readonly string[] = ["connect-timeout", "protocol", "wrong-block", "unreliable"];
const streamType = "main";

/** Listens to what one of their events is told from; the returned function stops. */
export function listen<K extends keyof CompatEvents>(
  swarm: Swarm,
  name: K,
  listener: CompatEvents[K],
): () => void {
  const make = TOLD[name] as ((swarm: Swarm, tell: CompatEvents[K]) => () => void) | undefined;
  return make?.(swarm, listener) ?? (() => undefined);
}

type Told = { [K in keyof CompatEvents]?: (swarm: Swarm, tell: CompatEvents[K]) => () => void };

const TOLD: Told = {
  onSegmentLoaded: (swarm, tell) =>
    swarm.on("segment", (segment) => {
      const { url: segmentUrl, bytes: bytesLength, senders } = segment;
      const most = senders.reduce<SegmentEvent["senders"][number] | undefined>(
        (best, sender) => (best === undefined || sender.bytes > best.bytes ? sender : best),
        undefined,
      );
      const fromPeers = segment.peerBytes * 2 > bytesLength;
      const downloadSource = fromPeers ? "p2p" : "http";
      const peerId = fromPeers ? most?.peer : undefined;
      tell({ segmentUrl, bytesLength, downloadSource, peerId, streamType });
    }),
  onChunkDownloaded: (swarm, tell) =>
    swarm.on("segment", ({ bytes, peerBytes, senders, source }) => {
      for (const { peer, bytes: sent } of senders) tell(sent, "p2p", peer);
      if (source !== "cache" && bytes > peerBytes) tell(bytes - peerBytes, "http");
    }),
  onChunkUploaded: (swarm, tell) => swarm.on("upload", ({ bytes, peer }) => tell(bytes, peer)),
  onPeerConnect: (swarm, tell) =>
    swarm.on("peer", ({ id: peerId, state }) => {
      if (state === "open") tell({ peerId, streamType });
    }),
  onPeerClose: (swarm, tell) =>
    swarm.on("peer", ({ id: peerId, state }) => {
      if (state === "closed") tell({ peerId, streamType });
    }),
  onPeerError: (swarm, tell) =>
    swarm.on("peer", ({ id: peerId, state, reason = "" }) => {
      if (state === "closed" && FAULTS.includes(reason)) {
        tell({ peerId, streamType, error: new Error(reason) });
      }
    }),
  onTrackerWarning: (swarm, tell) =>
    swarm.on("warning", ({ code, message }) => {
      if (code === "tracker") tell({ streamType, warning: message });
    }),
};
