/**
 * swarmline: video segments over WebRTC, beside the CDN, for players that already work. The page's
 * entry; players are attached by `swarmline/hls` and its siblings. Importing it does nothing, with or
 * without a DOM.
 */

/** Forgets the segments that `diskCache` has kept for this site; pages that are open keep no more. */
export const clearDiskCache = async (): Promise<void> => (await import("./disk.js")).clear();

export type {
  IntegrityMode,
  SegmentTrack,
  SwarmConfig,
  TurnServer,
  UploadPlace,
} from "./config.js";
export type { Diagnosis, DiagnosisCode, IceReport } from "./diagnose.js";
export { type SwarmErrorCode, SwarmlineError } from "./errors.js";
export type {
  PeerEvent,
  PeerStats,
  SegmentEvent,
  SegmentSource,
  SwarmEvents,
  SwarmStats,
  TrackerStats,
  UploadEvent,
  WarningEvent,
} from "./stats.js";
export { createSwarm, type Swarm } from "./swarm.js";
