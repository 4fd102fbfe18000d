/**
 * Every option in one table: default, unit, range, error code, whether it can change while playing.
 * Types, documentation and tests read it; nothing else knows a default.
 *
 * Invariant: a config that passes here needs no second look anywhere.
 */

import { type SwarmErrorCode, SwarmlineError } from "./errors.js";

/** A TURN server and how to get in. */
export interface TurnServer {
  /** One or more `turn:` or `turns:` URLs. */
  urls: string | string[];
  username: string;
  credential: string;
}

/** What a segment is of; a track with picture and sound is `video`. */
export type SegmentTrack = "video" | "audio" | "text";

/** What to do about digests in the playlist. */
export type IntegrityMode = "require" | "prefer" | "off";

/**
 * Where uploading is left to the page: `"metered"` connections and viewers who ask to save data, a `"battery"` below
 * 20 % that is not being charged, `"hidden"` tabs. Known as far as the browser tells.
 */
export type UploadPlace = "metered" | "battery" | "hidden";

/** Options of `createSwarm`; each one has a default. */
export interface SwarmConfig {
  /** `false` is CDN-only: the player runs as if we were not there. */
  enabled?: boolean;
  /**
   * Asked once, before anything is loaded, dialled or announced; until it says `true` (or its promise does) the swarm
   * is off. A viewer's change of mind is `update({ enabled: false })`.
   */
  onConsent?: () => boolean | PromiseLike<boolean>;
  /** Simultaneous connections to peers. */
  maxPeers?: number;
  /** Longest one segment may depend on peers before the CDN gets the rest, milliseconds. */
  segmentTimeout?: number;
  /** How long a peer may be silent about a block before another source takes over, milliseconds. */
  cdnFallbackDelay?: number;
  /** Bytes a second sent to all peers together; `Infinity` is unlimited, 0 is none. */
  uploadLimit?: number;
  /** Where peers are served all the same; elsewhere they are not, and this viewer takes from them as ever. */
  uploadWhen?: readonly UploadPlace[];
  /** Bytes of segments sent in an hour; then nothing until it is over. */
  uploadBudget?: number;
  /** WebTorrent trackers. Run your own (`swarmline tracker`); the public ones promise nothing. */
  trackerUrls?: string[];
  /** STUN servers; `[]` means none. */
  stunServers?: string[];
  /** TURN servers, for viewers behind hostile networks. */
  turnServers?: TurnServer[];
  /** `"relay"` shows peers no address of the viewer: all goes through TURN servers, which must be there. */
  privacy?: "direct" | "relay";
  /** The swarm's name; without it the manifest's URL without query. */
  swarmId?: string;
  /**
   * Which segments may be shared; asked for each, with the address that the player asks for. What it refuses (one
   * with a viewer's own watermark or key) is the player's own loader's, and no neighbour hears of it.
   */
  segmentFilter?: (url: string, track: SegmentTrack) => boolean;
  /** A token for trackers that ask for one; all of `trackerUrls` are shown it. */
  joinToken?: string;
  /**
   * Which segments may be shared, and where their digests are: `manifestUrl` names a sidecar of
   * `swarmline sign --sidecar`, or PeerTube's `segments-sha256.json`.
   */
  integrity?: IntegrityMode | { mode?: IntegrityMode; manifestUrl?: string };
  /** The publisher's Ed25519 key, 32 bytes in base64: only what it signed is shared. */
  publicKey?: string;
  /** Bytes of segments held in memory. */
  memoryLimitBytes?: number;
  /**
   * Segments of films that a digest proves stay on this viewer's disk, so that a later visit begins with them: bytes at the
   * most, or `true` for a tenth of what the browser grants the site, a gigabyte at the most. It is a trace of what was watched:
   * `clearDiskCache()` removes it.
   */
  diskCache?: boolean | number;
  /** `"shadow"` measures without sharing. */
  mode?: "on" | "shadow";
  /** Where the engine's module is: URL, bytes or a compiled module. */
  wasm?: string | URL | ArrayBuffer | Uint8Array | WebAssembly.Module;
}

/** One row of the table. */
export interface OptionRule {
  readonly default: unknown;
  readonly unit: string;
  readonly range: string;
  readonly code: SwarmErrorCode;
  /** Whether `swarm.update` takes it. */
  readonly live: boolean;
  readonly accepts: (value: unknown) => boolean;
  /** Accepted by its shape, but not carried out by this version: refused rather than ignored. */
  readonly missing?: (value: unknown) => boolean;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
const whole =
  (min: number, max: number) =>
  (value: unknown): boolean =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
/** A number of bytes, or as many as there are. */
const isRate = (value: unknown): boolean =>
  value === Number.POSITIVE_INFINITY || whole(0, Number.MAX_SAFE_INTEGER)(value);
const isFunction = (value: unknown): boolean => typeof value === "function";
const PLACES: readonly unknown[] = ["metered", "battery", "hidden"];
const urls =
  (...schemes: string[]) =>
  (value: unknown): boolean =>
    Array.isArray(value) &&
    value.every((url) => typeof url === "string" && schemes.some((s) => url.startsWith(`${s}:`)));
const text = (value: unknown): boolean => typeof value === "string" && value !== "";
/** A URL that HTTP can fetch, absolute or relative to the page. */
const isAddress = (value: unknown): boolean => {
  if (!text(value)) return false;
  try {
    return /^https?:$/.test(new URL(value as string, "https://page.invalid/").protocol);
  } catch {
    return false;
  }
};
const isMode = (value: unknown): boolean =>
  value === "require" || value === "prefer" || value === "off";
const isTurn = (value: unknown): boolean =>
  isObject(value) &&
  urls("turn", "turns")([value["urls"]].flat()) &&
  text(value["username"]) &&
  text(value["credential"]);
const isIntegrity = (value: unknown): boolean =>
  isMode(value) ||
  (isObject(value) &&
    (value["mode"] === undefined || isMode(value["mode"])) &&
    (value["manifestUrl"] === undefined || isAddress(value["manifestUrl"])));
/** 32 bytes in standard base64. */
const isKey = (value: unknown): boolean =>
  typeof value === "string" && /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(value);
const isWasm = (value: unknown): boolean =>
  text(value) ||
  value instanceof URL ||
  value instanceof ArrayBuffer ||
  value instanceof Uint8Array ||
  value instanceof WebAssembly.Module;

/** The public trackers of the WebTorrent world: for a first try, not for an audience. */
export const PUBLIC_TRACKERS: readonly string[] = [
  "wss://tracker.webtorrent.dev",
  "wss://tracker.openwebtorrent.com",
  "wss://tracker.novage.com.ua",
];

/** Public STUN servers. */
export const PUBLIC_STUN: readonly string[] = [
  "stun:stun.l.google.com:19302",
  "stun:stun.cloudflare.com:3478",
];

const row = (
  fallback: unknown,
  unit: string,
  range: string,
  code: SwarmErrorCode,
  live: boolean,
  accepts: OptionRule["accepts"],
  missing?: OptionRule["missing"],
): OptionRule => ({
  default: fallback,
  unit,
  range,
  code,
  live,
  accepts,
  ...(missing && { missing }),
});

/** The table. */
export const OPTIONS: Readonly<Record<keyof SwarmConfig, OptionRule>> = {
  enabled: row(true, "", "true or false", "invalid-enabled", true, (v) => typeof v === "boolean"),
  onConsent: row(
    undefined,
    "",
    "a function that answers true or false",
    "invalid-on-consent",
    false,
    isFunction,
  ),
  maxPeers: row(10, "connections", "0 to 100", "invalid-max-peers", true, whole(0, 100)),
  segmentTimeout: row(
    10_000,
    "ms",
    "500 to 120,000",
    "invalid-segment-timeout",
    true,
    whole(500, 120_000),
  ),
  cdnFallbackDelay: row(
    800,
    "ms",
    "0 to 60,000",
    "invalid-cdn-fallback-delay",
    true,
    whole(0, 60_000),
  ),
  uploadLimit: row(
    Number.POSITIVE_INFINITY,
    "bytes/s",
    "0 or more, Infinity is unlimited",
    "invalid-upload-limit",
    true,
    isRate,
  ),
  uploadWhen: row(
    ["hidden"],
    "",
    'a list of "metered", "battery" and "hidden"',
    "invalid-upload-when",
    true,
    (v) => Array.isArray(v) && v.every((place) => PLACES.includes(place)),
  ),
  uploadBudget: row(
    Number.POSITIVE_INFINITY,
    "bytes/h",
    "0 or more, Infinity is unlimited",
    "invalid-upload-budget",
    true,
    isRate,
  ),
  trackerUrls: row(
    PUBLIC_TRACKERS,
    "",
    "a list of ws: or wss: URLs",
    "invalid-tracker-urls",
    false,
    urls("ws", "wss"),
  ),
  stunServers: row(
    PUBLIC_STUN,
    "",
    "a list of stun: or stuns: URLs, [] for none",
    "invalid-stun-servers",
    false,
    urls("stun", "stuns"),
  ),
  turnServers: row(
    [],
    "",
    "a list of { urls, username, credential }",
    "invalid-turn-servers",
    false,
    (v) => Array.isArray(v) && v.every(isTurn),
  ),
  privacy: row(
    "direct",
    "",
    '"direct" or "relay"',
    "invalid-privacy",
    false,
    (v) => v === "direct" || v === "relay",
  ),
  swarmId: row(undefined, "", "text that is not empty", "invalid-swarm-id", false, text),
  segmentFilter: row(
    undefined,
    "",
    "a function of a URL and a track",
    "invalid-segment-filter",
    false,
    isFunction,
  ),
  joinToken: row(undefined, "", "text that is not empty", "invalid-join-token", false, text),
  integrity: row(
    "prefer",
    "",
    '"require", "prefer", "off" or { mode, manifestUrl }',
    "invalid-integrity",
    false,
    isIntegrity,
  ),
  publicKey: row(undefined, "", "an Ed25519 key in base64", "invalid-public-key", false, isKey),
  memoryLimitBytes: row(
    256 * 2 ** 20,
    "bytes",
    "16 MiB to 4 GiB",
    "invalid-memory-limit",
    true,
    whole(16 * 2 ** 20, 4 * 2 ** 30),
  ),
  diskCache: row(
    false,
    "bytes",
    "true, false, or 16 MiB and more",
    "invalid-disk-cache",
    false,
    (v) => typeof v === "boolean" || whole(16 * 2 ** 20, Number.MAX_SAFE_INTEGER)(v),
  ),
  mode: row(
    "on",
    "",
    '"on" or "shadow"',
    "invalid-mode",
    false,
    (v) => v === "on" || v === "shadow",
    (v) => v === "shadow",
  ),
  wasm: row(undefined, "", "a URL, bytes or a WebAssembly.Module", "invalid-wasm", false, isWasm),
};

/** A config with every default filled in. */
export type FullConfig = Required<Omit<SwarmConfig, Absent>> & Pick<SwarmConfig, Absent>;

type Absent = "onConsent" | "swarmId" | "segmentFilter" | "joinToken" | "publicKey" | "wasm";

/** Checks a page's config and fills in defaults. Throws a `SwarmlineError` that names the field. */
export function readConfig(config: SwarmConfig): FullConfig {
  const full: Record<string, unknown> = {};
  for (const [field, rule] of Object.entries(OPTIONS)) full[field] = rule.default;
  return { ...full, ...check(config, false) } as FullConfig;
}

/** Checks a change of a running swarm's config: only what can change while playing. */
export function readUpdate(update: SwarmConfig): SwarmConfig {
  return check(update, true);
}

function check(config: SwarmConfig, running: boolean): SwarmConfig {
  if (!isObject(config) || Array.isArray(config)) {
    throw new SwarmlineError("invalid-config", "the config must be an object with options");
  }
  const checked: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(config)) {
    const rule = Object.hasOwn(OPTIONS, field) ? OPTIONS[field as keyof SwarmConfig] : undefined;
    if (rule === undefined) {
      const known = Object.keys(OPTIONS).join(", ");
      const message = `there is no option "${field}"; known are ${known}`;
      throw new SwarmlineError("unknown-option", message, field);
    }
    if (value === undefined) continue;
    if (!rule.accepts(value)) {
      const unit = rule.unit && ` (${rule.unit})`;
      throw new SwarmlineError(rule.code, `${field} must be ${rule.range}${unit}`, field);
    }
    if (rule.missing?.(value)) {
      const message = `${field} is not carried out by this version; leave it away`;
      throw new SwarmlineError("not-supported", message, field);
    }
    if (running && !rule.live) {
      const message = `${field} cannot change while playing; create a new swarm with it`;
      throw new SwarmlineError("not-changeable", message, field);
    }
    checked[field] = value;
  }
  return checked;
}
