/**
 * What happened lately, for `swarm.diagnose()`: the last segments, connections and complaints.
 *
 * Invariant: bounded, and nothing is computed before somebody asks.
 */

import type { PeerEvent, SegmentEvent, WarningEvent } from "./stats.js";

const SEGMENTS_MAX = 10;
const OTHERS_MAX = 20;

/** A swarm's recent past, oldest first. */
export class History {
  readonly segments: SegmentEvent[] = [];
  /** How connections ended that are closed. */
  readonly closed: PeerEvent[] = [];
  /** Warnings and the error, each word once. */
  readonly complaints: WarningEvent[] = [];

  segment(event: SegmentEvent): void {
    keep(this.segments, event, SEGMENTS_MAX);
  }

  peer(event: PeerEvent): void {
    if (event.state === "closed") keep(this.closed, event, OTHERS_MAX);
  }

  complaint({ code, message }: WarningEvent): void {
    if (this.complaints.every((known) => known.code !== code))
      keep(this.complaints, { code, message }, OTHERS_MAX);
  }
}

function keep<T>(list: T[], value: T, most: number): void {
  list.push(value);
  if (list.length > most) list.shift();
}
