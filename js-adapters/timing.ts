/**
 * What the player's bandwidth estimate is told, as stats that it reads (hls.js). Reports that it counts are
 * `progress.ts`'s.
 *
 * Invariant: the estimate sees the rate it would really get. Waiting for an election or a promise is
 * left out; a segment that was already here is back-dated by the time its transfer had taken, so it
 * never reads as hundreds of Mbit/s. `start <= first <= end` always holds.
 */

/** The part of a player's stats that says when and how much. */
export interface LoadStats {
  loaded: number;
  total: number;
  bwEstimate: number;
  loading: { start: number; first: number; end: number };
}

/** What the engine measured of one load, milliseconds. */
export interface Timing {
  firstByteMs: number;
  transferMs: number;
}

/** The load begins now. */
export function begin(stats: LoadStats): void {
  stats.loading.start = performance.now();
}

/** So many bytes are here, from anywhere. */
export function advance(stats: LoadStats, loaded: number, total: number): void {
  if (loaded <= 0) return;
  if (stats.loading.first === 0) {
    stats.loading.first = Math.max(performance.now(), stats.loading.start);
  }
  stats.loaded = Math.max(stats.loaded, loaded);
  if (total > 0) stats.total = Math.max(total, stats.loaded);
}

/** All `bytes` are here. */
export function finish(stats: LoadStats, bytes: number, timing: Timing): void {
  const { loading } = stats;
  loading.end = performance.now();
  loading.first = loading.end - span(timing.transferMs);
  loading.start = loading.first - span(timing.firstByteMs);
  stats.loaded = bytes;
  stats.total = bytes;
  stats.bwEstimate = (bytes * 8000) / (loading.end - loading.first);
}

/** At least a tenth of a millisecond, so that no rate is infinite. */
export function span(ms: number): number {
  return Number.isFinite(ms) ? Math.max(ms, 0.1) : 0.1;
}
