/**
 * The script-tag build: one classic script that puts `Swarmline` on the page. The engine's module is
 * fetched from beside the script, or from where `createSwarm({ wasm })` says.
 *
 * Invariant: one name on the page, nothing else.
 */

import { attachDash } from "./dash.js";
import { SwarmlineError } from "./errors.js";
import { attachHls } from "./hls.js";
import { clearDiskCache } from "./index.js";
import { attachShaka } from "./shaka.js";
import { createSwarm } from "./swarm.js";

/** What the script gives a page. */
export interface SwarmlineGlobal {
  readonly createSwarm: typeof createSwarm;
  readonly attachHls: typeof attachHls;
  readonly attachShaka: typeof attachShaka;
  readonly attachDash: typeof attachDash;
  readonly clearDiskCache: typeof clearDiskCache;
  readonly SwarmlineError: typeof SwarmlineError;
}

declare global {
  /** swarmline, where a page loads it by a script tag. */
  var Swarmline: SwarmlineGlobal;
}

globalThis.Swarmline = {
  createSwarm,
  attachHls,
  attachShaka,
  attachDash,
  clearDiskCache,
  SwarmlineError,
};
