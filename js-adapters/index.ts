/**
 * swarmline: video segments over WebRTC, beside the CDN, for players that already work. The page's
 * entry; players are attached by `swarmline/hls` and its siblings. Importing it does nothing, with or
 * without a DOM.
 */

import type { SwarmConfig } from "./config.js";
import { type Swarm, SwarmCore } from "./swarm.js";

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
export type { Swarm } from "./swarm.js";

/**
 * Makes a swarm for one player. Synchronous; never throws for a missing network, module or browser
 * feature.
 *
 * @throws SwarmlineError when an option is wrong; its `code` is stable, its `field` names the option.
 */
export function createSwarm(config: SwarmConfig = {}): Swarm {
  return new SwarmCore(config);
}
