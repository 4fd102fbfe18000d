/**
 * dash.js: `attachDash` routes the media segments of one player through its swarm and takes that back again. What
 * each load does is `dash-segment.ts`'s.
 *
 * Invariant: only the loader that dash.js lets an app override is ours; segments that are made while they are
 * loaded (low latency) go through another one, which stays untouched. dash.js forgets no override, so there is one
 * for each player for ever, and after `detach()` it only hands on.
 */

import type { DashLoader, DashLoaderFactory, DashPlayer } from "./dash-contract.js";
import { type DashPlan, segmentLoads } from "./dash-segment.js";
import { dashEngine } from "./engine-dash.js";
import { SwarmlineError } from "./errors.js";
import { Follower } from "./follower.js";
import { portOf, type Swarm } from "./swarm.js";

export type {
  DashFragmentRequest,
  DashLoader,
  DashPlayer,
  DashProgress,
  DashRequest,
  DashResponse,
} from "./dash-contract.js";

/** Whom a player's loaders ask: the attachment of the moment. */
interface Slot {
  plan: DashPlan | undefined;
}

const slots = new WeakMap<DashPlayer, Slot>();

/**
 * Lets `player` share its segments through `swarm`. Call it before `player.initialize()`, and before the app's own
 * `extend("XHRLoader", …)` if it has one: dash.js takes the first. The returned function takes it back; calling it
 * twice does no harm.
 *
 * @throws SwarmlineError `already-attached`, `invalid-player` when `player` is none of dash.js 5, `invalid-swarm`,
 * `destroyed`.
 */
export function attachDash(swarm: Swarm, player: DashPlayer): () => void {
  const port = portOf(swarm);
  if (typeof player?.extend !== "function" || typeof player.on !== "function") {
    const message = "the second argument must be a dash.js player: dashjs.MediaPlayer().create()";
    throw new SwarmlineError("invalid-player", message);
  }
  const slot = slotOf(player);
  if (slot.plan !== undefined) {
    const message = "this player shares through another swarm; detach that one first";
    throw new SwarmlineError("already-attached", message);
  }
  const detach = () => {
    if (slot.plan !== plan) return;
    slot.plan = undefined;
    player.off(TEARDOWN, onTeardown);
    follower.detach();
    port.release();
  };
  port.attach(dashEngine, detach);
  const follower = new Follower(() => elementOf(player), port);
  let open = false;
  const onTeardown = () => {
    open = false;
    port.close();
  };
  const plan: DashPlan = {
    session: () => port.session,
    begin: (url) => {
      if (open) return;
      open = true;
      port.open(url);
      follower.restart();
    },
    mpd: (url, text) => port.mpd(url, text),
    index: (url, first, bytes) => port.index(url, first, bytes),
    report: () => follower.report(),
  };
  slot.plan = plan;
  player.on(TEARDOWN, onTeardown);
  return detach;
}

/** What dash.js says when a stream's last loader is gone. */
const TEARDOWN = "streamTeardownComplete";

/** Puts our loader in front of the player's, once. */
function slotOf(player: DashPlayer): Slot {
  const known = slots.get(player);
  if (known !== undefined) return known;
  const slot: Slot = { plan: undefined };
  slots.set(player, slot);
  const factory: DashLoaderFactory = function (this: { readonly parent: DashLoader }) {
    return segmentLoads(this.parent, () => slot.plan);
  };
  player.extend("XHRLoader", factory, true);
  return slot;
}

/** dash.js throws where it has none. */
function elementOf(player: DashPlayer): HTMLMediaElement | undefined {
  try {
    return player.getVideoElement();
  } catch {
    return undefined;
  }
}
