/**
 * «Why is there no P2P?»: a report that a person can read and paste. A chunk of its own, loaded when it is
 * asked for.
 *
 * Invariant: it changes nothing about the swarm, and names nobody: no address of a viewer, no query of a URL, no
 * credential.
 */

import type { Bar } from "./allowance.js";
import type { FullConfig } from "./config.js";
import type { History } from "./history.js";
import { connectionOf } from "./ice.js";
import type { SegmentEvent, SwarmStats } from "./stats.js";

/** What stands between a viewer and its peers, or `sharing`. */
export type DiagnosisCode =
  | "sharing"
  | "failed"
  | "disabled"
  | "no-consent"
  | "no-webrtc"
  | "loading"
  | "no-tracker"
  | "tracker-unreachable"
  | "alone"
  | "no-candidates"
  | "no-connections"
  | "not-shareable"
  | "peers-lack-it"
  | "too-early";

/** What WebRTC found by itself, without any peer. */
export interface IceReport {
  /** Candidates by type (RFC 8445): `host`, `srflx` by STUN, `relay` by TURN. */
  types: Record<string, number>;
  /** The browser hides its local address behind a name (`.local`). */
  hidden: boolean;
  /** Servers that did not answer, without credentials. */
  errors: string[];
}

/** What `swarm.diagnose()` finds. */
export interface Diagnosis {
  /** The first thing that stands in the way. */
  code: DiagnosisCode;
  /** The same for a person, and what to do. */
  verdict: string;
  /** Everything below, as text to paste. */
  text: string;
  stats: SwarmStats;
  /** `null` where this browser has no WebRTC, or forbids it. */
  ice: IceReport | null;
  /** How the last connections ended: reason → how many. */
  closed: Record<string, number>;
  /** The last ten segments, addresses without their queries. */
  segments: SegmentEvent[];
  /** Warnings and errors, each code once. */
  complaints: { code: string; message: string }[];
}

/** Why nothing is sent, if so: the viewer's consent is awaited, or uploading is not for now. */
export type Silence = Bar | "consent" | undefined;

/** Longest that STUN and TURN may take, ms. */
const GATHER_MS = 3000;

/** What a connection of ours would offer: gathered by one that is never used. */
async function gather(config: FullConfig): Promise<IceReport | null> {
  const report: IceReport = { types: {}, hidden: false, errors: [] };
  let connection: RTCPeerConnection;
  try {
    connection = new RTCPeerConnection(connectionOf(config));
  } catch {
    return null;
  }
  try {
    connection.createDataChannel("diagnosis");
    const complete = new Promise<void>((resolve) => {
      setTimeout(resolve, GATHER_MS);
      connection.onicecandidate = ({ candidate }) => {
        if (candidate === null) resolve();
        else if (candidate.candidate !== "") count(report, candidate);
      };
      connection.onicecandidateerror = ({ url, errorText }) =>
        report.errors.push(`${url}: ${errorText || "no answer"}`);
    });
    await connection.setLocalDescription();
    await complete;
    return report;
  } catch {
    return null;
  } finally {
    connection.close();
  }
}

function count(report: IceReport, { candidate }: RTCIceCandidate): void {
  const type = / typ (\w+)/.exec(candidate)?.[1] ?? "unknown";
  report.types[type] = (report.types[type] ?? 0) + 1;
  report.hidden ||= candidate.includes(".local ");
}

/** What the parts say together: the first reason that explains the rest. */
function judge(
  config: FullConfig,
  stats: SwarmStats,
  ice: IceReport | null,
  history: History,
  silent: Silence,
): [DiagnosisCode, string] {
  const told = (code: string): string | undefined =>
    history.complaints.find((complaint) => complaint.code === code)?.message;
  if (stats.state === "failed") {
    const why = history.complaints.at(-1)?.message ?? "it stopped";
    return ["failed", `The engine does not run: ${why}. The player plays alone.`];
  }
  if (!config.enabled)
    return ["disabled", "enabled is false: every segment comes from the CDN, as the page asks."];
  if (silent === "consent")
    return [
      "no-consent",
      "The page asks its viewer first (onConsent), and has no yes: every segment comes from the CDN.",
    ];
  if (ice === null || stats.state === "off") {
    return [
      "no-webrtc",
      "This browser has no WebRTC or WebAssembly, or a policy forbids them. Another browser, or the policy, may help.",
    ];
  }
  if (stats.state === "loading") {
    return [
      "loading",
      "No stream runs through the engine yet: was the player attached before it loaded, and is its module reachable (.wasm in the network tab)?",
    ];
  }
  const { peers, segments, trackers } = stats;
  if (stats.peerBytes > 0) {
    const share = `${Math.round(100 * stats.offload)} % of the bytes came from peers`;
    return ["sharing", `Peers deliver: ${share}, ${peers.length} connected now.`];
  }
  if (stats.uploadedBytes > 0) {
    const given = `${megabytes(stats.uploadedBytes)} went to peers`;
    return [
      "sharing",
      `Nothing came from peers yet, but ${given}: who is ahead of the others feeds them.`,
    ];
  }
  if (trackers.length === 0) {
    return ["no-tracker", "trackerUrls is empty: nobody can be found. Name a tracker of yours."];
  }
  if (peers.length === 0 && trackers.every(({ state }) => state !== "open")) {
    const why = told("tracker") ?? "no connection";
    return [
      "tracker-unreachable",
      `No tracker is connected (${why}). Is its address right (wss: on an https: page), and does connect-src allow it?`,
    ];
  }
  if (peers.length === 0 && stats.swarmSize < 2) {
    return [
      "alone",
      "The tracker knows nobody else. Others who watch the same stream have the same infoHash; it is made of the manifest's address without query, or of swarmId.",
    ];
  }
  if (peers.length === 0) {
    if (Object.keys(ice.types).length === 0) {
      return [
        "no-candidates",
        "WebRTC finds no address of this machine to offer: a browser setting, an extension or a VPN blocks it.",
      ];
    }
    const more = config.turnServers.length === 0 ? " turnServers may help." : "";
    return [
      "no-connections",
      `The tracker knows of ${stats.swarmSize} viewers, but no connection opens: networks in between refuse it.${more}`,
    ];
  }
  const doubts = ["manifest-unreadable", "signature", "sidecar-unreadable", "cdn-mismatch"];
  const doubt = doubts.map(told).find((message) => message !== undefined);
  if (doubt !== undefined) {
    return [
      "not-shareable",
      `Peers are connected, but what they hold may not be shared: ${doubt}.`,
    ];
  }
  if (config.integrity === "require" && history.segments.some(({ proven }) => !proven)) {
    return [
      "not-shareable",
      'integrity is "require", and segments have no digest: sign the playlist, or take "prefer".',
    ];
  }
  if (segments.cdn + segments.mixed + segments.peers < 3) {
    return [
      "too-early",
      "The first segments always come from the CDN; look again in half a minute.",
    ];
  }
  return [
    "peers-lack-it",
    "Peers are connected, but none holds what is asked for: they watch another place or quality, or came later.",
  ];
}

/** Finds out what a swarm does and why; takes up to three seconds. */
export async function diagnose(
  config: FullConfig,
  look: () => SwarmStats,
  history: History,
  silent: Silence,
  disk?: string,
): Promise<Diagnosis> {
  // Servers are asked about this machine's address only where its viewer lets peers have it.
  const may = typeof RTCPeerConnection === "function" && silent !== "consent";
  const ice = may ? await gather(config) : null;
  const seen = look();
  const trackers = seen.trackers.map((tracker) => ({ ...tracker, url: bare(tracker.url) }));
  const stats = { ...seen, trackers };
  const [code, verdict] = judge(config, stats, ice, history, silent);
  const closed: Record<string, number> = {};
  for (const { reason = "unknown" } of history.closed) closed[reason] = (closed[reason] ?? 0) + 1;
  const segments = history.segments.map((event) => ({ ...event, url: bare(event.url) }));
  const complaints = history.complaints.map(({ code, message }) => ({
    code,
    message: message.replace(/\?[^\s"']*/g, "?…"),
  }));
  const found = { code, verdict, stats, ice, closed, segments, complaints };
  return { ...found, text: written(found, config, silent, disk) };
}

/** An address without what may be a secret. */
function bare(url: string): string {
  return url.replace(/[?#].*$/s, "").replace(/\/\/[^/@]*@/, "//");
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** The report as text. */
function written(
  found: Omit<Diagnosis, "text">,
  config: FullConfig,
  silent: Silence,
  disk?: string,
): string {
  const { stats, ice } = found;
  const counts = (table: Record<string, number>): string =>
    Object.entries(table)
      .map(([name, number]) => `${number} ${name}`)
      .join(", ") || "none";
  const lines = [
    `${found.code}: ${found.verdict}`,
    "",
    `state       ${stats.state}, first frame ${stats.startupMs === null ? "not yet" : `${Math.round(stats.startupMs)} ms`}, stalled ${Math.round(stats.stallMs)} ms`,
    `bytes       ${megabytes(stats.cdnBytes)} CDN, ${megabytes(stats.peerBytes)} peers, ${megabytes(stats.uploadedBytes)} sent, ${megabytes(stats.discardedBytes)} in vain`,
    `segments    ${counts(stats.segments)}`,
    ...(disk === undefined ? [] : [`disk        ${disk}`]),
    `swarm       ${stats.swarmSize || "?"} viewers, info hash ${stats.infoHash || "none yet"}`,
    ...stats.trackers.map(
      ({ url, state, announces }) => `tracker     ${url} ${state}, ${announces} announces`,
    ),
    `candidates  ${ice === null ? "no WebRTC" : `${counts(ice.types)}${ice.hidden ? ", local address hidden" : ""}`}`,
    ...(ice?.errors ?? []).map((error) => `ICE error   ${error}`),
    `peers       ${stats.peers.length} open; closed lately: ${counts(found.closed)}`,
    ...stats.peers.map(
      (peer) =>
        `  ${peer.id.slice(-8)}  ${megabytes(peer.receivedBytes)} from it, ${megabytes(peer.sentBytes)} to it, holds ${peer.segments}${peer.choked ? ", serves us nothing now" : ""}`,
    ),
    `settings    maxPeers ${config.maxPeers}, cdnFallbackDelay ${config.cdnFallbackDelay}, uploadLimit ${config.uploadLimit}${silent ? ` (nothing now: ${silent})` : ""}, integrity ${JSON.stringify(config.integrity)}, ${config.publicKey === undefined ? "no" : "a"} publicKey, ${config.stunServers.length} STUN, ${config.turnServers.length} TURN, ${config.privacy}`,
    ...found.complaints.map(({ code, message }) => `told        ${code}: ${message}`),
    "last segments",
    ...found.segments.map(
      ({ number, source, why, proven, bytes, peerBytes, elapsedMs, url }) =>
        `  ${number} ${source}${why ? ` (${why})` : ""}, ${megabytes(bytes)}, ${megabytes(peerBytes)} of it from peers, ${Math.round(elapsedMs)} ms, ${proven ? "digest" : "no digest"}, ${url}`,
    ),
    typeof navigator === "undefined" ? "" : navigator.userAgent,
  ];
  return lines.join("\n");
}
