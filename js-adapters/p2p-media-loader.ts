/**
 * For pages that use p2p-media-loader today: its `HlsJsP2PEngine`, with a swarm of ours behind it. Option
 * and event names are turned in `compat-config.ts` and `compat-events.ts`; this file is the engine's life.
 *
 * Invariant: everything that a page calls is there and does what it did, or nothing; what has no
 * counterpart is said once on the console, if leaving it out could matter.
 */

import type Hls from "hls.js";
import type { HlsConfig } from "hls.js";
import { type CompatCoreConfig, swarmConfig, swarmUpdate } from "./compat-config.js";
import { type CompatEvents, listen } from "./compat-events.js";
import type { SwarmConfig } from "./config.js";
import { attachHls } from "./hls.js";
import { createSwarm, type Swarm } from "./swarm.js";

export type { CompatCoreConfig } from "./compat-config.js";
export type { CompatDownloadSource, CompatEvents } from "./compat-events.js";

/** What the engine is made with. */
export interface PartialHlsJsP2PEngineConfig {
  core?: CompatCoreConfig;
  /** What is ours alone, like `publicKey` or `wasm`; it leads over `core`. */
  swarm?: SwarmConfig;
}

/** What may change while playing. */
export type DynamicHlsJsP2PEngineConfig = PartialHlsJsP2PEngineConfig;

/** A player with its engine. */
export type HlsWithP2PInstance<HlsType = Hls> = HlsType & { readonly p2pEngine: HlsJsP2PEngine };

/** hls.js's config with the engine's. */
export type HlsWithP2PConfig<HlsType = Hls> = Partial<HlsConfig> & {
  p2p?: PartialHlsJsP2PEngineConfig & {
    onHlsJsCreated?: (hls: HlsWithP2PInstance<HlsType>) => void;
  };
};

/** hls.js's class with an engine in each of its players. */
export type HlsWithP2PClass<HlsClass extends typeof Hls> = Omit<HlsClass, "prototype"> &
  (new (
    config?: HlsWithP2PConfig<InstanceType<HlsClass>>,
  ) => HlsWithP2PInstance<InstanceType<HlsClass>>);

type Listener = CompatEvents[keyof CompatEvents];

/** The engine of one player. */
export class HlsJsP2PEngine {
  readonly #core: CompatCoreConfig;
  readonly #swarm: Swarm;
  readonly #listeners = new Map<Listener, Map<string, () => void>>();
  #player: (() => unknown) | undefined;
  #bound: Hls | undefined;
  #detach: () => void = () => undefined;

  /**
   * hls.js's class, whose players share: `new (HlsJsP2PEngine.injectMixin(Hls))({ p2p: { core: {} } })`.
   */
  static injectMixin<HlsClass extends typeof Hls>(HlsJs: HlsClass): HlsWithP2PClass<HlsClass> {
    const Plain: typeof Hls = HlsJs;
    class HlsWithP2P extends Plain {
      readonly p2pEngine: HlsJsP2PEngine;

      constructor(config: HlsWithP2PConfig = {}) {
        const { p2p, ...own } = config;
        super(own);
        this.p2pEngine = new HlsJsP2PEngine(p2p);
        this.p2pEngine.bindHls(this);
        this.once(Plain.Events.DESTROYING, () => this.p2pEngine.destroy());
        p2p?.onHlsJsCreated?.(this);
      }
    }
    return HlsWithP2P as unknown as HlsWithP2PClass<HlsClass>;
  }

  constructor(config: PartialHlsJsP2PEngineConfig = {}) {
    this.#core = { ...config.core };
    this.#swarm = createSwarm({ ...swarmConfig(this.#core), ...config.swarm });
  }

  /** Listens. */
  addEventListener<K extends keyof CompatEvents>(name: K, listener: CompatEvents[K]): void {
    const heard = this.#listeners.get(listener) ?? new Map<string, () => void>();
    this.#listeners.set(listener, heard);
    if (!heard.has(name)) heard.set(name, listen(this.#swarm, name, listener));
  }

  /** Stops listening. */
  removeEventListener<K extends keyof CompatEvents>(name: K, listener: CompatEvents[K]): void {
    this.#listeners.get(listener)?.get(name)?.();
    this.#listeners.get(listener)?.delete(name);
  }

  /** What `new Hls()` gets, where the page makes the player itself and then calls `bindHls`. */
  getConfigForHlsJs(): Pick<HlsConfig, "pLoader"> {
    const bind = () => this.#bind();
    // hls.js makes one of these for each playlist: the first moment at which a player that some wrapper
    // made can be found. What it makes is the loader that the player has from then on.
    function Announcing(config: HlsConfig): unknown {
      const Loader = bind()?.config.pLoader ?? config.loader;
      return new (Loader as unknown as HlsConfig["loader"])(config);
    }
    return { pLoader: Announcing as unknown as HlsConfig["pLoader"] };
  }

  /** Names the player, or how to find it once it is there. */
  bindHls<T = unknown>(hls: T | (() => T)): void {
    this.#player = typeof hls === "function" ? (hls as () => T) : () => hls;
    this.#bind();
  }

  /** Attaches to the player that is there now; returns it if it is another one than before. */
  #bind(): Hls | undefined {
    const hls = this.#player?.() as Hls | null | undefined;
    if (!hls || hls === this.#bound) return undefined;
    this.#detach();
    this.#detach = attachHls(this.#swarm, hls);
    this.#bound = hls;
    return hls;
  }

  /** The config as it was given. */
  getConfig(): { core: CompatCoreConfig } {
    return { core: { ...this.#core } };
  }

  /** Changes what can change while playing; the rest is not looked at. */
  applyDynamicConfig(config: DynamicHlsJsP2PEngineConfig): void {
    Object.assign(this.#core, config.core);
    this.#swarm.update(swarmUpdate(this.#core));
  }

  /** Gives the player its own loaders back and leaves the swarm. */
  destroy(): void {
    this.#player = undefined;
    this.#bound = undefined;
    this.#swarm.destroy();
    this.#listeners.clear();
  }
}
