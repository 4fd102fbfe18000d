/** How connections of ours are made: STUN and TURN servers, certificates, and whether they may show an address. Decides nothing. */

import type { FullConfig } from "./config.js";

/**
 * One certificate for all connections of a session, so that a tracker can sign for them at once. Where there is none to
 * be had, each connection makes its own.
 */
export async function certificates(): Promise<RTCCertificate[] | undefined> {
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  try {
    return [await RTCPeerConnection.generateCertificate(curve)];
  } catch {
    return undefined;
  }
}

/** What an `RTCPeerConnection` of ours is given. */
export function connectionOf(config: FullConfig): RTCConfiguration {
  const { stunServers, turnServers, privacy } = config;
  const stun = stunServers.length > 0 ? [{ urls: [...stunServers] }] : [];
  return {
    iceServers: [...stun, ...turnServers],
    iceTransportPolicy: privacy === "relay" ? privacy : "all",
  };
}
