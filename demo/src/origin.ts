/**
 * The machine that serves the sample streams: what it says it sent, and its button to fail. On a
 * plain web server neither exists, and the page says so instead.
 */

/** How the origin may fail. */
export type Fault = "none" | "503" | "down" | "slow";

/** Bytes of media bodies sent, by path. */
export type Counters = ReadonlyMap<string, number>;

/** What the paths of the samples' segments have in common. */
const SEGMENTS = ".m4s";

/** The origin's own counters, or `null` where there are none. */
export async function readCounters(): Promise<Counters | null> {
  try {
    const response = await fetch("/_origin/counters", { cache: "no-store" });
    if (!response.ok) return null;
    const body: unknown = await response.json();
    if (!isRecord(body) || !isRecord(body["files"])) return null;
    const sent = new Map<string, number>();
    for (const [path, file] of Object.entries(body["files"])) {
      const bytes = isRecord(file) ? file["bytes"] : undefined;
      if (typeof bytes === "number") sent.set(path, bytes);
    }
    return sent;
  } catch {
    return null;
  }
}

/** Makes the origin's segments fail, or heals them; false when it did not take the order. Playlists
 *  go on: without them a player has nothing to ask its peers for. */
export async function setFault(kind: Fault): Promise<boolean> {
  try {
    const order = new URLSearchParams({ kind, match: SEGMENTS });
    const response = await fetch(`/_origin/fault?${order.toString()}`, { method: "POST" });
    return response.ok;
  } catch {
    return false;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
