/**
 * Shaka's scheme registry, which is one for all players of a page: ours stands in it while any player is
 * attached, and asks for each request whose it is.
 *
 * Invariant: a request that nobody claimed goes to the plug-in that was there before, untouched; the last
 * release puts that plug-in back. The registry has no getter, so what «before» was is Shaka's own plug-in,
 * or what the app names.
 */

import { SwarmlineError } from "./errors.js";
import type { ShakaNamespace, ShakaRequest, ShakaSchemePlugin } from "./shaka-contract.js";

const SCHEMES = ["http", "https"] as const;

/** The plug-in that an app had registered itself, and whether it reports progress. */
export interface InnerPlugin {
  readonly plugin: ShakaSchemePlugin;
  /** What the app gave `registerScheme` as its fourth argument. */
  readonly progressSupport?: boolean;
}

/** Ours in one Shaka's registry. */
interface Registration {
  readonly inner: InnerPlugin | undefined;
  /** Whose request it is; weak, so that a request leaves nothing behind. */
  readonly claims: WeakMap<ShakaRequest, ShakaSchemePlugin>;
  holders: number;
}

/** By namespace: a page may have two Shakas. */
const registrations = new WeakMap<ShakaNamespace, Registration>();

/** A player's place in the registry. */
export interface SchemeClaim {
  /** The plug-in behind ours. */
  readonly inner: ShakaSchemePlugin;
  /** `plugin` is to answer this request. */
  claim(request: ShakaRequest, plugin: ShakaSchemePlugin): void;
  /** The player needs it no more. */
  release(): void;
}

/** Puts ours into the registry, if it is not there yet. */
export function claimSchemes(shaka: ShakaNamespace, named: InnerPlugin | undefined): SchemeClaim {
  const { NetworkingEngine, HttpFetchPlugin } = shaka.net;
  const known = registrations.get(shaka);
  if (known !== undefined && named?.plugin !== known.inner?.plugin) {
    const message = "every player of one Shaka must name the same inner plug-in";
    throw new SwarmlineError("invalid-config", message, "inner");
  }
  const registration = known ?? { inner: named, claims: new WeakMap(), holders: 0 };
  const inner = named?.plugin ?? HttpFetchPlugin.parse;
  const hasProgress = named === undefined || named.progressSupport === true;
  if (known === undefined) {
    const { claims } = registration;
    const ours: ShakaSchemePlugin = (uri, request, ...rest) =>
      (claims.get(request) ?? inner)(uri, request, ...rest);
    const { APPLICATION } = NetworkingEngine.PluginPriority;
    for (const scheme of SCHEMES) {
      NetworkingEngine.registerScheme(scheme, ours, APPLICATION, hasProgress);
    }
    registrations.set(shaka, registration);
  }
  registration.holders += 1;
  let released = false;
  const restore = () => {
    registrations.delete(shaka);
    const { APPLICATION, PREFERRED } = NetworkingEngine.PluginPriority;
    const priority = named === undefined ? PREFERRED : APPLICATION;
    for (const scheme of SCHEMES) {
      NetworkingEngine.unregisterScheme(scheme);
      NetworkingEngine.registerScheme(scheme, inner, priority, hasProgress);
    }
  };
  return {
    inner,
    claim: (request, plugin) => registration.claims.set(request, plugin),
    release: () => {
      if (released) return;
      released = true;
      registration.holders -= 1;
      if (registration.holders === 0) restore();
    },
  };
}
