/**
 * What `<swarmline-player>` and the embed page may be told in words: attributes and query parameters are
 * one table, so that both have the same names. It reads; it checks nothing, because `createSwarm` does.
 *
 * Invariant: a word that is not there says nothing, so every default stays `config.ts`'s.
 */

import { OPTIONS, type SwarmConfig } from "./config.js";

/** How a stream is played. */
export type StreamType = "hls" | "dash" | "file";

const text = (word: string): unknown => word;
// An empty word is no number, although JavaScript takes it for 0.
const number = (word: string): unknown => (word.trim() === "" ? Number.NaN : Number(word));
const list = (word: string): unknown => word.split(/[\s,]+/).filter((one) => one !== "");

type Row = readonly [keyof SwarmConfig, (word: string) => unknown];

/** Names in markup → option and how its value is written. */
const SWARM_WORDS: Readonly<Record<string, Row>> = {
  p2p: ["enabled", (word) => word !== "off"],
  "tracker-urls": ["trackerUrls", list],
  "stun-servers": ["stunServers", list],
  "max-peers": ["maxPeers", number],
  "segment-timeout": ["segmentTimeout", number],
  "cdn-fallback-delay": ["cdnFallbackDelay", number],
  "upload-limit": ["uploadLimit", number],
  "memory-limit-bytes": ["memoryLimitBytes", number],
  "swarm-id": ["swarmId", text],
  "public-key": ["publicKey", text],
};

/** Where the engine is: one module for HLS, one for DASH. They name code, so no stranger may say them. */
export const CODE_WORDS: readonly string[] = ["wasm", "wasm-dash"];

/** Two words that are one option. */
const INTEGRITY_WORDS: readonly string[] = ["integrity", "manifest-url"];

/** Words that are handed to the media element as they are. */
export const MEDIA_WORDS: readonly string[] = [
  "autoplay",
  "muted",
  "loop",
  "poster",
  "crossorigin",
];

/** Words whose change starts the stream anew. */
export const STREAM_WORDS: readonly string[] = ["src", "type", "preload"];

/** Words that name options of the swarm. */
export const OPTION_WORDS: readonly string[] = [
  ...Object.keys(SWARM_WORDS),
  ...INTEGRITY_WORDS,
  ...CODE_WORDS,
];

/** Every word. */
export const WORDS: readonly string[] = [
  ...STREAM_WORDS,
  ...MEDIA_WORDS,
  "controls",
  "label",
  ...OPTION_WORDS,
];

/** The options of a swarm for a stream of this kind, as far as they are said. */
export function swarmOptions(read: (word: string) => string | null, type: StreamType): SwarmConfig {
  const config: Record<string, unknown> = {};
  for (const [word, [option, parse]] of Object.entries(SWARM_WORDS)) {
    const said = read(word);
    if (said !== null) config[option] = parse(said);
  }
  const wasm = read(type === "dash" ? "wasm-dash" : "wasm");
  if (wasm !== null) config["wasm"] = wasm;
  const [mode, manifestUrl] = INTEGRITY_WORDS.map((word) => read(word) ?? undefined);
  if (mode !== undefined || manifestUrl !== undefined) config["integrity"] = { mode, manifestUrl };
  return config;
}

/**
 * The change of a running swarm that this word's new value is; `undefined` if the word is no option that
 * can change while playing.
 */
export function liveOption(word: string, said: string | null): SwarmConfig | undefined {
  const row = SWARM_WORDS[word];
  if (row === undefined || !OPTIONS[row[0]].live) return undefined;
  const [option, parse] = row;
  return { [option]: said === null ? OPTIONS[option].default : parse(said) };
}

/** What a stream is: as said, else by its address; a file if nothing tells. */
export function streamType(src: string, said: string | null): StreamType {
  const word = said?.toLowerCase() ?? "";
  if (/mpegurl|^hls$/.test(word)) return "hls";
  if (/dash/.test(word)) return "dash";
  if (word !== "") return "file";
  const path = src.replace(/[?#].*$/s, "").toLowerCase();
  if (path.endsWith(".m3u8")) return "hls";
  return path.endsWith(".mpd") ? "dash" : "file";
}
