/** Byte ranges in a player's request headers. Decides nothing. */

import type { Range } from "./engine.js";

/** The bytes a request asks for, 0 to 0 for the whole; `undefined` if it says so in a way we do not read. */
export function rangeOf(headers: Readonly<Record<string, string>> | undefined): Range | undefined {
  const text = headers?.["Range"] ?? headers?.["range"];
  if (text === undefined) return { start: 0, end: 0 };
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(text) ?? [];
  if (first === undefined || last === undefined) return undefined;
  return { start: Number(first), end: Number(last) + 1 };
}
