/** STUN and TURN servers as WebRTC takes them. Decides nothing. */

import type { FullConfig } from "./config.js";

/** What an `RTCPeerConnection` of ours is given. */
export function iceServersOf(config: FullConfig): RTCIceServer[] {
  const { stunServers, turnServers } = config;
  const stun = stunServers.length > 0 ? [{ urls: [...stunServers] }] : [];
  return [...stun, ...turnServers];
}
