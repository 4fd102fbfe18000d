/**
 * Shaka Player: `attachShaka` routes the media segments of one player through its swarm and takes that back
 * again. What each load does is `shaka-segment.ts`'s; the page's one scheme registry is `shaka-schemes.ts`'s.
 *
 * Invariant: nothing of the player is walked or patched. What a request is for comes with it, manifests
 * come through a response filter, and everything that is no media segment stays Shaka's.
 */

import { dashEngine } from "./engine-dash.js";
import { SwarmlineError } from "./errors.js";
import { Follower } from "./follower.js";
import { rangeOf } from "./range.js";
import type {
  ShakaNamespace,
  ShakaPlayer,
  ShakaRequest,
  ShakaRequestContext,
  ShakaResponse,
} from "./shaka-contract.js";
import { claimSchemes, type InnerPlugin } from "./shaka-schemes.js";
import { copyOf, segmentPlugin } from "./shaka-segment.js";
import { type Port, portOf, type Swarm } from "./swarm.js";

export type {
  ShakaNamespace,
  ShakaOperation,
  ShakaPlayer,
  ShakaRequest,
  ShakaResponse,
  ShakaSchemePlugin,
} from "./shaka-contract.js";
export type { InnerPlugin } from "./shaka-schemes.js";

/** An MPD whose segments may be asked for before they are whole. */
const AHEAD_OF_TIME = /availabilityTimeOffset\s*=\s*["'](?!0*\.?0*["'])/;
/** More is no index that the engine would read. */
const INDEX_BYTES_MAX = 2 ** 20;

/** What a page may say of its Shaka. */
export interface ShakaOptions {
  /** The plug-in that the app itself registered for `http` and `https`, if it did. */
  readonly inner?: InnerPlugin;
}

/**
 * Lets `player` share its segments through `swarm`. Call it before `player.load()`: what a manifest said
 * before that nobody tells us. The returned function takes it back; calling it twice does no harm.
 *
 * @throws SwarmlineError `already-attached`, `invalid-player` when `player` is no `shaka.Player` or `shaka`
 * not its namespace, `invalid-config` when two players name two `inner` plug-ins, `invalid-swarm`, `destroyed`.
 */
export function attachShaka(
  swarm: Swarm,
  player: ShakaPlayer,
  shaka: ShakaNamespace,
  options: ShakaOptions = {},
): () => void {
  const port = portOf(swarm);
  const networking = player?.getNetworkingEngine?.();
  if (!networking || shaka?.net?.NetworkingEngine === undefined) {
    const message =
      "pass a shaka.Player that is not destroyed, and the shaka namespace it came from";
    throw new SwarmlineError("invalid-player", message);
  }
  const attachment = new Attachment(port, player, shaka, options.inner);
  const detach = () => attachment.detach();
  port.attach(dashEngine, detach);
  attachment.attach();
  return detach;
}

class Attachment {
  readonly #port: Port;
  readonly #player: ShakaPlayer;
  readonly #shaka: ShakaNamespace;
  readonly #inner: InnerPlugin | undefined;
  readonly #undo: (() => void)[] = [];
  readonly #follower: Follower;
  /** A stream is open. */
  #open = false;
  #isDash = false;
  /** Its segments are made while they are loaded: Shaka appends them piece by piece. */
  #lowLatency = false;

  constructor(port: Port, player: ShakaPlayer, shaka: ShakaNamespace, inner?: InnerPlugin) {
    this.#port = port;
    this.#player = player;
    this.#shaka = shaka;
    this.#inner = inner;
    this.#follower = new Follower(() => player.getMediaElement(), port);
  }

  attach(): void {
    const networking = this.#player.getNetworkingEngine();
    const { MANIFEST, SEGMENT } = this.#shaka.net.NetworkingEngine.RequestType;
    const schemes = claimSchemes(this.#shaka, this.#inner);
    const plugin = segmentPlugin({
      session: () => this.#port.session,
      inner: schemes.inner,
      plain: this.#inner === undefined,
      shaka: this.#shaka,
      report: () => this.#follower.report(),
    });
    const onRequest = (type: number, request: ShakaRequest, context?: ShakaRequestContext) => {
      if (type === MANIFEST) this.#begin(request);
      if (type !== SEGMENT || !this.#isMedia(request, context)) return;
      this.#follower.follow();
      const kind = context?.stream?.type;
      const track = kind === "audio" || kind === "text" ? kind : "video";
      const isAdmitted = this.#port.session?.admits(request.uris[0] ?? "", track) ?? true;
      if (isAdmitted) schemes.claim(request, plugin);
    };
    const onResponse = (type: number, response: ShakaResponse, context?: ShakaRequestContext) => {
      if (type === MANIFEST) this.#hear(response, context);
      if (type === SEGMENT && this.#isIndex(response, context)) this.#hearIndex(response);
      return undefined;
    };
    const onUnloading = () => {
      this.#open = false;
      this.#port.close();
    };
    networking?.registerRequestFilter(onRequest as never);
    networking?.registerResponseFilter(onResponse);
    this.#player.addEventListener("unloading", onUnloading);
    this.#undo.push(() => {
      // A destroyed player has none, and nothing to be taken back from.
      const current = this.#player.getNetworkingEngine();
      current?.unregisterRequestFilter(onRequest as never);
      current?.unregisterResponseFilter(onResponse);
      this.#player.removeEventListener("unloading", onUnloading);
      schemes.release();
    });
    this.#follower.follow();
  }

  /** The first manifest of a load names the stream. */
  #begin(request: ShakaRequest): void {
    const url = request.uris[0];
    if (this.#open || url === undefined) return;
    this.#open = true;
    this.#isDash = false;
    this.#lowLatency = false;
    this.#port.open(url);
    this.#follower.restart();
  }

  #hear(response: ShakaResponse, context: ShakaRequestContext | undefined): void {
    const { MASTER_PLAYLIST, MEDIA_PLAYLIST, MPD } =
      this.#shaka.net.NetworkingEngine.AdvancedRequestType;
    const text = () => new TextDecoder().decode(response.data);
    if (context?.type === MPD) {
      const mpd = text();
      this.#isDash = true;
      this.#lowLatency ||= AHEAD_OF_TIME.test(mpd);
      this.#port.mpd(response.uri, mpd);
    } else if (context?.type === MASTER_PLAYLIST || context?.type === MEDIA_PLAYLIST) {
      const playlist = text();
      this.#lowLatency ||= playlist.includes("#EXT-X-PART-INF");
      this.#port.manifest(response.uri, playlist);
    }
  }

  /** The index of a file with many segments: loaded as media is, but it is none of the segments. */
  #isIndex({ data }: ShakaResponse, context: ShakaRequestContext | undefined): boolean {
    const { MEDIA_SEGMENT } = this.#shaka.net.NetworkingEngine.AdvancedRequestType;
    const isNoSegment = context?.type === MEDIA_SEGMENT && context.segment === undefined;
    return this.#isDash && isNoSegment && data.byteLength <= INDEX_BYTES_MAX;
  }

  #hearIndex({ data, originalUri, originalRequest }: ShakaResponse): void {
    const range = rangeOf(originalRequest.headers);
    if (range !== undefined) this.#port.index(originalUri, range.start, copyOf(data));
  }

  /**
   * A whole media segment, by GET, that is not fed to the player in pieces while it comes. A callback for
   * pieces alone says nothing: Shaka gives one with everything it prefetches, and does without.
   */
  #isMedia(request: ShakaRequest, context: ShakaRequestContext | undefined): boolean {
    const { MEDIA_SEGMENT } = this.#shaka.net.NetworkingEngine.AdvancedRequestType;
    if (context?.type !== MEDIA_SEGMENT || request.method !== "GET") return false;
    return !request.streamDataCallback || !this.#lowLatency;
  }

  detach(): void {
    if (this.#undo.length === 0) return;
    for (const undo of this.#undo.splice(0)) undo();
    this.#follower.detach();
    this.#port.release();
  }
}
