/**
 * p2p-media-loader's options (its 2.3, with the names that 3 to 5 added) in our words. What only steers
 * their scheduler has no meaning here, because our engine decides by itself: such an option is taken and
 * does nothing. Facts of their documentation, no code of theirs.
 *
 * Invariant: what comes out passes `createSwarm`, whatever a page had written for them.
 */

import type { SwarmConfig, TurnServer } from "./config.js";

/** Their options of the core. */
export interface CompatCoreConfig {
  swarmId?: string | undefined;
  announceTrackers?: string[];
  rtcConfig?: RTCConfiguration;
  isP2PDisabled?: boolean;
  isP2PUploadDisabled?: boolean;
  /** MiB. */
  segmentMemoryStorageLimit?: number | undefined;
  /** How long a peer may be silent, milliseconds: our `cdnFallbackDelay`. */
  p2pNotReceivingBytesTimeoutMs?: number;
  /** Connections: our `maxPeers`. */
  p2pMaxPeers?: number;
  /** Overrides for video; audio's have no counterpart, because one swarm serves both. */
  mainStream?: CompatCoreConfig;
  /** Every other option of theirs. */
  [option: string]: unknown;
}

/** Options that did something for a page and do nothing here, with what takes their place. */
const NO_COUNTERPART: Readonly<Record<string, string>> = {
  validateP2PSegment:
    "digests in the playlist (swarmline sign) check each block before it is played",
  validateHTTPSegment:
    "digests in the playlist (swarmline sign) check each segment before it is shared",
  httpRequestSetup: "requests carry what hls.js's xhrSetup or fetchSetup gives them",
  customSegmentStorageFactory: "segments are kept in memory, up to memoryLimitBytes",
  streamSwarmIdBuilder: "one swarm serves all renditions; name it with swarmId",
};

const MIB = 2 ** 20;
const within = (min: number, value: number, max: number): number =>
  Math.round(Math.min(max, Math.max(min, value)));
const isNumber = (value: unknown): value is number =>
  typeof value === "number" && !Number.isNaN(value);

/** The options that may change while playing. */
export function swarmUpdate(core: CompatCoreConfig): SwarmConfig {
  const said: CompatCoreConfig = { ...core, ...core.mainStream };
  const update: SwarmConfig = {};
  if (said.isP2PDisabled !== undefined) update.enabled = !said.isP2PDisabled;
  if (said.isP2PUploadDisabled !== undefined) {
    update.uploadLimit = said.isP2PUploadDisabled ? 0 : Number.POSITIVE_INFINITY;
  }
  if (isNumber(said.p2pNotReceivingBytesTimeoutMs)) {
    update.cdnFallbackDelay = within(0, said.p2pNotReceivingBytesTimeoutMs, 60_000);
  }
  if (isNumber(said.p2pMaxPeers)) update.maxPeers = within(0, said.p2pMaxPeers, 100);
  if (isNumber(said.segmentMemoryStorageLimit)) {
    update.memoryLimitBytes = within(16 * MIB, said.segmentMemoryStorageLimit * MIB, 4096 * MIB);
  }
  return update;
}

/** All options. Says once on the console what is missed. */
export function swarmConfig(core: CompatCoreConfig): SwarmConfig {
  const said: CompatCoreConfig = { ...core, ...core.mainStream };
  for (const [option, instead] of Object.entries(NO_COUNTERPART)) {
    if (said[option] !== undefined) {
      console.warn(`swarmline/p2p-media-loader: ${option} has no counterpart; ${instead}`);
    }
  }
  const config = swarmUpdate(core);
  if (said.swarmId) config.swarmId = said.swarmId;
  if (said.announceTrackers) config.trackerUrls = said.announceTrackers;
  if (said.rtcConfig) Object.assign(config, connections(said.rtcConfig));
  return config;
}

/** STUN and TURN apart; what a browser would refuse is left out. */
function connections({ iceServers = [], iceTransportPolicy }: RTCConfiguration): SwarmConfig {
  const stunServers: string[] = [];
  const turnServers: TurnServer[] = [];
  for (const { urls, username = "", credential = "" } of iceServers) {
    const all = [urls].flat();
    stunServers.push(...all.filter((url) => /^stuns?:/.test(url)));
    const turn = all.filter((url) => /^turns?:/.test(url));
    if (turn.length > 0 && username && credential) {
      turnServers.push({ urls: turn, username, credential });
    }
  }
  const relayed: SwarmConfig = iceTransportPolicy === "relay" ? { privacy: "relay" } : {};
  return { stunServers, turnServers, ...relayed };
}
