/**
 * What a page may watch: the counters of `swarm.stats()` and the events of `swarm.on()`. Shapes only.
 */

import type { SwarmlineError } from "./errors.js";

/** Where a segment came from. */
export type SegmentSource = "cache" | "peers" | "cdn" | "mixed";

/** One connection. */
export interface PeerStats {
  /** The peer's id, hexadecimal; random per session. */
  id: string;
  receivedBytes: number;
  sentBytes: number;
  /** Measured rate from it; 0 while unknown. */
  rateBytesPerS: number;
  /** Segments it holds whole, as it says. */
  segments: number;
  /** It serves us nothing for now. */
  choked: boolean;
}

/** One tracker. */
export interface TrackerStats {
  url: string;
  state: "connecting" | "open" | "closed";
  announces: number;
}

/** A snapshot of the counters. Its shape is the same from the first moment. */
export interface SwarmStats {
  /** Version of this shape. */
  schema: number;
  /** `loading` until the engine runs; `off`: CDN-only by choice or by this browser; `failed`: CDN-only. */
  state: "loading" | "running" | "off" | "failed";
  /** Bytes of media and of sidecars from the CDN. */
  cdnBytes: number;
  /** Verified bytes of media from peers. */
  peerBytes: number;
  uploadedBytes: number;
  /** Bytes received and not used. */
  discardedBytes: number;
  /** `peerBytes / (peerBytes + cdnBytes)`. */
  offload: number;
  /** Segments the player got, by source. */
  segments: Record<SegmentSource, number>;
  peers: PeerStats[];
  trackers: TrackerStats[];
  /** Peers in the swarm as the tracker tells, ourselves included; 0 while unknown. */
  swarmSize: number;
  /** From the engine's start to the first open connection, milliseconds. */
  firstPeerMs: number | null;
  cacheBytes: number;
  cacheSegments: number;
  peerId: string;
  infoHash: string;
  /** From the wish for a stream to its first frame, milliseconds. */
  startupMs: number | null;
  /** Time the player waited for bytes after its first frame, milliseconds. */
  stallMs: number;
  /** Memory of the engine's module, shared by all swarms of the page. */
  wasmMemoryBytes: number;
}

/** A connection opened or closed. */
export interface PeerEvent {
  id: string;
  state: "open" | "closed";
  /** Why it closed. */
  reason?: string;
  /** From the engine's start, milliseconds. */
  atMs: number;
}

/** The player got a segment. */
export interface SegmentEvent {
  track: string;
  number: number;
  url: string;
  source: SegmentSource;
  bytes: number;
  peerBytes: number;
  /** From the player's wish to the last byte, milliseconds. */
  elapsedMs: number;
  /** Why the CDN was asked, if it was: a word for people. */
  why?: string;
  /** The publisher's digest proves its bytes. */
  proven: boolean;
  senders: { peer: string; bytes: number }[];
}

/** Bytes went to a peer. */
export interface UploadEvent {
  peer: string;
  track: string;
  number: number;
  bytes: number;
}

/** Something is not as it should be; playback goes on. */
export interface WarningEvent {
  code: string;
  message: string;
}

/** Events by name. */
export interface SwarmEvents {
  /** Each second while someone listens. */
  stats: SwarmStats;
  peer: PeerEvent;
  segment: SegmentEvent;
  upload: UploadEvent;
  warning: WarningEvent;
  error: SwarmlineError;
}

/** The counters before anything happened. */
export function emptyStats(): SwarmStats {
  return {
    schema: 1,
    state: "loading",
    cdnBytes: 0,
    peerBytes: 0,
    uploadedBytes: 0,
    discardedBytes: 0,
    offload: 0,
    segments: { cache: 0, peers: 0, cdn: 0, mixed: 0 },
    peers: [],
    trackers: [],
    swarmSize: 0,
    firstPeerMs: null,
    cacheBytes: 0,
    cacheSegments: 0,
    peerId: "",
    infoHash: "",
    startupMs: null,
    stallMs: 0,
    wasmMemoryBytes: 0,
  };
}
