/**
 * Which player plays a stream for `<swarmline-player>`, and that player's life: hls.js for HLS, Shaka for
 * DASH, the browser itself for files and where it has no Media Source Extensions. Players are imported
 * when they are needed, never before.
 *
 * Invariant: `failed` is told at most once, and only when nothing plays; after `stop()` nothing is told.
 */

import type Hls from "hls.js";
import type { HlsConfig } from "hls.js";
import type { SwarmConfig } from "./config.js";
import { createSwarm, type Swarm } from "./swarm.js";
import type { StreamType } from "./player-options.js";
import type { ShakaNamespace, ShakaPlayer } from "./shaka.js";

/** Shaka's player, as far as it is used here. */
interface PlayingShaka extends ShakaPlayer {
  attach(media: HTMLMediaElement): Promise<unknown>;
  load(src: string): Promise<unknown>;
  destroy(): Promise<unknown>;
}

/** Shaka's namespace, as far as it is used here. */
export interface PlayingShakaNamespace extends ShakaNamespace {
  readonly Player: { new (): PlayingShaka; isBrowserSupported(): boolean };
  readonly polyfill: { installAll(): void };
}

/** Where players come from; each is asked when it is needed. */
export interface PlayerSources {
  hls(): Promise<typeof Hls>;
  shaka(): Promise<PlayingShakaNamespace>;
  /** What `new Hls()` gets. */
  hlsConfig: Partial<HlsConfig>;
}

/** Who plays. */
export type PlayerName = "hls.js" | "shaka" | "native";

/** What is to be played, and who hears how it goes. */
export interface Play {
  readonly video: HTMLVideoElement;
  readonly src: string;
  readonly type: StreamType;
  readonly config: SwarmConfig;
  readonly players: PlayerSources;
  /** A swarm that serves this stream; listeners belong on it now. */
  onSwarm(swarm: Swarm): void;
  onWarning(code: string, message: string): void;
  /** Whether somebody stopped it while its player was on the way. */
  stopped(): boolean;
  /** Nothing plays. */
  onFailed(code: string, message: string): void;
}

/** A stream that plays. */
export interface Playing {
  readonly by: PlayerName;
  /** Resolves when the media element is free again. */
  stop(): Promise<void>;
}

/** Errors of the media that one player may try to get over. */
const RECOVERIES_MAX = 2;
const HLS_TYPE = "application/vnd.apple.mpegurl";
const NO_MSE =
  "this browser has no Media Source Extensions: it plays by itself, and segments come from the CDN only";
const UNSUPPORTED = "This browser cannot play this kind of stream.";
const CANNOT_LOAD = "The video player could not be loaded.";

/** Plays; never rejects. */
export async function start(play: Play): Promise<Playing> {
  if (play.type === "file") return startNative(play);
  if (!hasMediaSource()) {
    play.onWarning("no-mse", NO_MSE);
    if (play.type === "hls" && play.video.canPlayType(HLS_TYPE) !== "") return startNative(play);
    play.onFailed("unsupported", UNSUPPORTED);
    return nothing("native");
  }
  // With a managed source Safari wants this, because a page cannot send what it feeds to another screen.
  if ("ManagedMediaSource" in globalThis) play.video.disableRemotePlayback = true;
  try {
    return play.type === "hls" ? await startHls(play) : await startShaka(play);
  } catch (error) {
    play.onFailed("player-failed", `${CANNOT_LOAD} ${String(error)}`);
    return nothing(play.type === "hls" ? "hls.js" : "shaka");
  }
}

function hasMediaSource(): boolean {
  return "MediaSource" in globalThis || "ManagedMediaSource" in globalThis;
}

function nothing(by: PlayerName): Playing {
  return { by, stop: () => Promise.resolve() };
}

async function startHls(play: Play): Promise<Playing> {
  const [Hls, { attachHls }] = await Promise.all([play.players.hls(), import("./hls.js")]);
  if (play.stopped()) return nothing("hls.js");
  if (!Hls.isSupported()) {
    play.onFailed("unsupported", UNSUPPORTED);
    return nothing("hls.js");
  }
  const swarm = createSwarm(play.config);
  play.onSwarm(swarm);
  const hls = new Hls(play.players.hlsConfig);
  let recoveries = 0;
  hls.on(Hls.Events.ERROR, (_event, { fatal, type, details, response }) => {
    if (!fatal) return;
    if (type === Hls.ErrorTypes.MEDIA_ERROR && recoveries < RECOVERIES_MAX) {
      recoveries += 1;
      hls.recoverMediaError();
      return;
    }
    const status = response?.code ? `, HTTP ${response.code}` : "";
    play.onFailed(details, `The stream cannot be played (${details}${status}).`);
  });
  attachHls(swarm, hls);
  hls.loadSource(play.src);
  hls.attachMedia(play.video);
  const stop = async () => {
    hls.destroy();
    swarm.destroy();
  };
  return { by: "hls.js", stop };
}

async function startShaka(play: Play): Promise<Playing> {
  const [shaka, { attachShaka }] = await Promise.all([play.players.shaka(), import("./shaka.js")]);
  if (play.stopped()) return nothing("shaka");
  shaka.polyfill.installAll();
  if (!shaka.Player.isBrowserSupported()) {
    play.onFailed("unsupported", UNSUPPORTED);
    return nothing("shaka");
  }
  const swarm = createSwarm(play.config);
  play.onSwarm(swarm);
  const player = new shaka.Player();
  let stopped = false;
  const stop = async () => {
    stopped = true;
    swarm.destroy();
    await player.destroy();
  };
  const failed = (error: unknown) => {
    const { severity, code } = (error ?? {}) as { severity?: number; code?: number };
    if (stopped || severity === 1) return;
    const word = code === undefined ? "unknown" : `shaka-${code}`;
    play.onFailed(word, `The stream cannot be played (${word}).`);
  };
  player.addEventListener("error", ((event: { detail?: unknown }) =>
    failed(event.detail)) as never);
  await player.attach(play.video);
  if (!play.stopped()) {
    attachShaka(swarm, player, shaka);
    player.load(play.src).catch(failed);
  }
  return { by: "shaka", stop };
}

function startNative(play: Play): Playing {
  const { video } = play;
  const failed = () => {
    const { code = 0, message = "" } = video.error ?? {};
    play.onFailed(`media-${code}`, `The video cannot be played${message && ` (${message})`}.`);
  };
  video.addEventListener("error", failed);
  video.src = play.src;
  const stop = async () => {
    video.removeEventListener("error", failed);
    video.removeAttribute("src");
    video.load();
  };
  return { by: "native", stop };
}
