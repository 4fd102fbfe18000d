/**
 * hls.js: `attachHls` puts our loaders in front of the player's own and takes them away again. What
 * each load does is `hls-segment.ts`'s.
 *
 * Invariant: only `hls.config.fLoader` and `pLoader` change, which hls.js reads at each load, and
 * `detach()` restores both. No prototype is touched; players that hls.js builds from `userConfig`
 * (interstitials) stay plain.
 */

import type Hls from "hls.js";
import type {
  HlsConfig,
  Loader,
  LoaderCallbacks,
  LoaderConfiguration,
  LoaderStats,
  PlaylistLoaderContext,
} from "hls.js";
import { hlsEngine } from "./engine-hls.js";
import { SwarmlineError } from "./errors.js";
import { segmentLoader } from "./hls-segment.js";
import { PlaybackWatch } from "./playback.js";
import { type Port, portOf, type Swarm } from "./swarm.js";

type PlaylistLoader = Loader<PlaylistLoaderContext>;
type PlaylistLoaderClass = new (config: HlsConfig) => PlaylistLoader;

/**
 * Lets `hls` share its segments through `swarm`. May come any time after `new Hls()`, before or after
 * `loadSource`. The returned function takes it back; calling it twice does no harm.
 *
 * @throws SwarmlineError `already-attached` when the swarm serves a player, `invalid-player` when `hls`
 * is no hls.js player, `invalid-swarm`, `destroyed`.
 */
export function attachHls(swarm: Swarm, hls: Hls): () => void {
  const port = portOf(swarm);
  const { config } = (hls ?? {}) as Partial<Hls>;
  if (config === undefined || typeof hls.on !== "function") {
    const message = "the second argument must be an hls.js player: new Hls()";
    throw new SwarmlineError("invalid-player", message);
  }
  let attached = true;
  const detach = () => {
    if (!attached) return;
    attached = false;
    watch?.detach();
    hls.off(Events.MEDIA_ATTACHED, onMedia);
    hls.off(Events.MEDIA_DETACHING, onMediaGone);
    hls.off(Events.DESTROYING, detach);
    // A loader that somebody put in front of ours meanwhile is theirs to take away.
    if (config.fLoader === fLoader) config.fLoader = before.fLoader;
    if (config.pLoader === pLoader) config.pLoader = before.pLoader;
    port.release();
  };
  port.attach(hlsEngine, detach);

  const { Events, DefaultConfig } = hls.constructor as typeof Hls;
  const before = { fLoader: config.fLoader, pLoader: config.pLoader };
  let watch: PlaybackWatch | undefined;
  const fLoader = segmentLoader({
    session: () => (attached ? port.session : undefined),
    own: before.fLoader,
    standard: DefaultConfig.loader,
    report: () => watch?.report(),
  });
  const opened = () => watch?.restart();
  const pLoader = playlistLoader(port, () => attached, opened, before.pLoader);
  const onMedia = () => {
    onMediaGone();
    if (hls.media) watch = new PlaybackWatch(hls.media, port);
  };
  const onMediaGone = () => {
    watch?.detach();
    watch = undefined;
  };
  config.fLoader = fLoader;
  config.pLoader = pLoader;
  hls.on(Events.MEDIA_ATTACHED, onMedia);
  hls.on(Events.MEDIA_DETACHING, onMediaGone);
  hls.on(Events.DESTROYING, detach);
  onMedia();
  if (hls.url) joinLate(port, hls, hls.url);
  return detach;
}

/** Tells the session what the player knew before we came. */
function joinLate(port: Port, hls: Hls, url: string): void {
  port.open(url);
  for (const { details } of [...hls.levels, ...hls.allAudioTracks]) {
    if (details?.m3u8) port.manifest(details.url, details.m3u8);
  }
}

/** A loader class for `hls.config.pLoader`: the one before, listened to. */
function playlistLoader(
  port: Port,
  attached: () => boolean,
  opened: () => void,
  own: PlaylistLoaderClass | undefined,
): PlaylistLoaderClass {
  return class implements PlaylistLoader {
    readonly #inner: PlaylistLoader;

    constructor(config: HlsConfig) {
      const Inner = own ?? (config.loader as unknown as PlaylistLoaderClass);
      this.#inner = new Inner(config);
    }

    get context(): PlaylistLoaderContext | null {
      return this.#inner.context;
    }

    set context(context: PlaylistLoaderContext | null) {
      this.#inner.context = context;
    }

    get stats(): LoaderStats {
      return this.#inner.stats;
    }

    set stats(stats: LoaderStats) {
      this.#inner.stats = stats;
    }

    load(
      context: PlaylistLoaderContext,
      config: LoaderConfiguration,
      callbacks: LoaderCallbacks<PlaylistLoaderContext>,
    ): void {
      if (!attached() || (context.type as string) === "subtitleTrack") {
        this.#inner.load(context, config, callbacks);
        return;
      }
      if ((context.type as string) === "manifest") {
        port.open(context.url);
        opened();
      }
      this.#inner.load(context, config, {
        ...callbacks,
        onSuccess: (response, stats, context, details) => {
          const { data } = response;
          if (attached() && typeof data === "string") {
            port.manifest(response.url || context.url, data);
          }
          callbacks.onSuccess(response, stats, context, details);
        },
      });
    }

    abort(): void {
      this.#inner.abort();
    }

    destroy(): void {
      this.#inner.destroy();
    }

    getCacheAge(): number | null {
      return this.#inner.getCacheAge?.() ?? null;
    }

    getResponseHeader(name: string): string | null {
      return this.#inner.getResponseHeader?.(name) ?? null;
    }
  };
}
