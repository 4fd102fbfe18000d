/**
 * What the embed page and the page around it say to each other. Shapes, and the one place where a message
 * from outside is read.
 *
 * Invariant: a message that is not one of these is nothing, whatever it carries.
 */

/** What the page around may ask for. */
export interface EmbedCommand {
  readonly command: "play" | "pause" | "seek" | "volume" | "muted" | "load" | "set" | "stats";
  /** Seconds, 0 to 1, true or false, an address, words with their values. */
  readonly value?: unknown;
  /** Comes back with the answer to `stats`. */
  readonly id?: unknown;
}

/** What the embed page tells. */
export interface EmbedMessage {
  /** Version of this shape. */
  readonly swarmline: 1;
  /** A media element's event, one of `<swarmline-player>`'s, or `answer`. */
  readonly event: string;
  readonly value: unknown;
  readonly id?: unknown;
}

const COMMANDS: readonly string[] = [
  "play",
  "pause",
  "seek",
  "volume",
  "muted",
  "load",
  "set",
  "stats",
] satisfies EmbedCommand["command"][];

/** A command, if it is one: `{ swarmline: 1, command, value?, id? }`. */
export function readCommand(data: unknown): EmbedCommand | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { swarmline, command, value, id } = data as Record<string, unknown>;
  if (swarmline !== 1 || typeof command !== "string" || !COMMANDS.includes(command))
    return undefined;
  const isNumber = typeof value === "number" && Number.isFinite(value);
  if ((command === "seek" || command === "volume") && !isNumber) return undefined;
  if (command === "load" && typeof value !== "string") return undefined;
  return { command: command as EmbedCommand["command"], value, id };
}
