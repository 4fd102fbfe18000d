/**
 * The one error class a page meets, and every word it may carry. Errors tell what happened, where, and
 * what to do; `code` is stable and meant for programs, `message` for people.
 */

/** Stable words: `invalid-…` names an option, the others an act. */
export type SwarmErrorCode =
  | "invalid-config"
  | "unknown-option"
  | "not-changeable"
  | "not-supported"
  | "invalid-enabled"
  | "invalid-on-consent"
  | "invalid-max-peers"
  | "invalid-segment-timeout"
  | "invalid-cdn-fallback-delay"
  | "invalid-upload-limit"
  | "invalid-upload-when"
  | "invalid-upload-budget"
  | "invalid-tracker-urls"
  | "invalid-stun-servers"
  | "invalid-turn-servers"
  | "invalid-privacy"
  | "invalid-swarm-id"
  | "invalid-segment-filter"
  | "invalid-join-token"
  | "invalid-integrity"
  | "invalid-public-key"
  | "invalid-memory-limit"
  | "invalid-disk-cache"
  | "invalid-mode"
  | "invalid-wasm"
  | "invalid-swarm"
  | "invalid-player"
  | "already-attached"
  | "destroyed"
  | "wasm-failed"
  | "engine-panic";

/** What swarmline throws and what its `error` event carries. */
export class SwarmlineError extends Error {
  override readonly name: string = "SwarmlineError";
  /** A stable word. */
  readonly code: SwarmErrorCode;
  /** The option it is about, if it is about one. */
  readonly field: string | undefined;

  constructor(code: SwarmErrorCode, message: string, field?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.field = field;
  }
}
