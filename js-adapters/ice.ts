/** How connections of ours are made: STUN and TURN servers, and whether they may show an address. Decides nothing. */

import type { FullConfig } from "./config.js";

/** What an `RTCPeerConnection` of ours is given. */
export function connectionOf(config: FullConfig): RTCConfiguration {
  const { stunServers, turnServers, privacy } = config;
  const stun = stunServers.length > 0 ? [{ urls: [...stunServers] }] : [];
  return {
    iceServers: [...stun, ...turnServers],
    iceTransportPolicy: privacy === "relay" ? privacy : "all",
  };
}
