/**
 * What the player's bandwidth estimate is told, as reports of bytes since the last one (Shaka).
 *
 * Invariant: all reports of one load together say the bytes and the time that were measured: waiting for an
 * election or a promise is left out, and a segment that was already here counts with the time its transfer
 * had taken.
 */

import { span, type Timing } from "./timing.js";

/** What a player that counts bytes since its last report hears of one load (Shaka). */
export class ProgressReport {
  readonly #tell: (ms: number, bytes: number, bytesRemaining: number) => void;
  readonly #bytesMin: number;
  #toldMs = 0;
  #toldBytes = 0;
  #loaded = 0;
  #total = 0;
  /** When it was last told of bytes, or when the first came. */
  #since: number | undefined;

  constructor(tell: (ms: number, bytes: number, bytesRemaining: number) => void, bytesMin: number) {
    this.#tell = tell;
    this.#bytesMin = bytesMin;
  }

  /** So many bytes are here, from anywhere. The clock runs from the first on: what they took is not known yet. */
  advance(loaded: number, total: number): void {
    const now = performance.now();
    this.#loaded = Math.max(this.#loaded, loaded);
    this.#total = Math.max(total, this.#loaded);
    this.#since ??= now;
    const [ms, bytes] = [now - this.#since, this.#loaded - this.#toldBytes];
    if (ms <= PROGRESS_EVERY_MS || bytes < this.#bytesMin) return;
    this.#since = now;
    this.#report(ms, bytes);
  }

  /** Nothing new, but the load goes on. */
  alive(): void {
    this.#tell(0, 0, this.#total - this.#toldBytes);
  }

  /** All `bytes` are here. The rest is told so that all reports together say what was measured; milliseconds of it all. */
  finish(bytes: number, timing: Timing): number {
    const wholeMs = span(timing.firstByteMs) + span(timing.transferMs);
    this.#loaded = bytes;
    this.#total = bytes;
    this.#report(Math.max(wholeMs - this.#toldMs, 0.1), bytes - this.#toldBytes);
    return wholeMs;
  }

  #report(ms: number, bytes: number): void {
    this.#toldMs += ms;
    this.#toldBytes += bytes;
    this.#tell(ms, bytes, this.#total - this.#loaded);
  }
}

/** Shaka's own plug-in reports no more often. */
const PROGRESS_EVERY_MS = 100;
