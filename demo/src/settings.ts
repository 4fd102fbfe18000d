/**
 * What a visitor may set, and the query that carries it: `?src=&trackers=&maxPeers=&cdnFallbackDelay=`
 * and `viewers`. A value that makes no sense is left at its default; nothing here throws.
 */
import type { SwarmConfig } from "swarmline";

/** The page's settings. */
export interface Settings {
  /** The visitor's own stream; empty for the samples. */
  src: string;
  /** WebTorrent trackers; the page's own origin unless the query names others. */
  trackers: string[];
  /** Simultaneous links of each viewer. */
  maxPeers: number;
  /** Milliseconds. */
  cdnFallbackDelay: number;
  /** Bytes a second each viewer may send; `null` is no limit, 0 is nothing. */
  uploadLimit: number | null;
  /** Players in this page. */
  viewers: number;
  /** Which sample plays when there is no `src`. */
  sample: "vod" | "live";
}

const MAX_PEERS = { default: 10, max: 20 };
const DELAY_MS = { default: 800, max: 4000 };
const WALL = 4;

/** Reads the page's address. */
export function readSettings(address: URL): Settings {
  const query = address.searchParams;
  const trackers = (query.get("trackers") ?? "")
    .split(",")
    .map((tracker) => tracker.trim())
    .filter((tracker) => /^wss?:\/\//.test(tracker));
  return {
    src: query.get("src") ?? "",
    trackers: trackers.length > 0 ? trackers : [ownTracker(address)],
    maxPeers: whole(query.get("maxPeers"), MAX_PEERS),
    cdnFallbackDelay: whole(query.get("cdnFallbackDelay"), DELAY_MS),
    uploadLimit: null,
    viewers: whole(query.get("viewers"), { default: 1, max: WALL }) > 1 ? WALL : 1,
    sample: query.get("sample") === "live" ? "live" : "vod",
  };
}

/** The same page with these settings: for the second tab and for the address bar. */
export function writeSettings(address: URL, settings: Settings): URL {
  const result = new URL(address.pathname, address);
  const query = result.searchParams;
  if (settings.src) query.set("src", settings.src);
  else if (settings.sample === "live") query.set("sample", "live");
  if (settings.trackers.join() !== ownTracker(address)) {
    query.set("trackers", settings.trackers.join());
  }
  if (settings.maxPeers !== MAX_PEERS.default) query.set("maxPeers", String(settings.maxPeers));
  if (settings.cdnFallbackDelay !== DELAY_MS.default) {
    query.set("cdnFallbackDelay", String(settings.cdnFallbackDelay));
  }
  if (settings.viewers > 1) query.set("viewers", String(settings.viewers));
  return result;
}

/** swarmline's config for one viewer. No STUN server: nothing outside is contacted. */
export function swarmConfig(settings: Settings): SwarmConfig {
  return {
    trackerUrls: settings.trackers,
    stunServers: [],
    maxPeers: settings.maxPeers,
    cdnFallbackDelay: settings.cdnFallbackDelay,
    ...(settings.uploadLimit === null ? {} : { uploadLimit: settings.uploadLimit }),
  };
}

function ownTracker(address: URL): string {
  return `${address.protocol === "https:" ? "wss:" : "ws:"}//${address.host}/`;
}

function whole(text: string | null, range: { default: number; max: number }): number {
  const value = Number(text ?? "");
  if (text === null || text === "" || !Number.isFinite(value) || value < 0) return range.default;
  return Math.min(Math.round(value), range.max);
}
