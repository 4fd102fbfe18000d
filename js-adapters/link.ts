/**
 * Whether the page's way to the network is so narrow that the engine's module would keep the first segment waiting.
 *
 * Invariant: it measures nothing itself; it reads how fast the page's own scripts came (Resource Timing, W3C). A page
 * that has them all from its cache has the module there, too.
 */

/** Below 4 Mbit/s the module's hundred kilobytes take longer than a fifth of a second. */
const NARROW_BYTES_PER_S = 500_000;
/** What is smaller came in the first flight of packets, and tells nothing of the rate. */
const TELLING_BYTES = 30_000;

/** No script or other file came faster than that; false while none tells. */
export function isNarrow(): boolean {
  const files = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
  const rates = files
    .filter(({ transferSize }) => transferSize > TELLING_BYTES)
    .map(
      ({ transferSize, responseStart, responseEnd }) =>
        (1000 * transferSize) / Math.max(1, responseEnd - responseStart),
    );
  return rates.length > 0 && Math.max(...rates) < NARROW_BYTES_PER_S;
}
