/**
 * Signatures, under a pinned `publicKey` or of a tracker's proofs: a module and a chunk of their own, because most pages
 * need none.
 * Its bytes stand in the script, so that nobody has to say where one more file lies.
 *
 * Invariant: decides nothing; the engine asks, and says what counts.
 */

import init, { PinnedKey, proves } from "./wasm/swarmline-keys.js";
import module from "./wasm/swarmline-keys.wasm";

/** Whether a signature is the pinned key's of a message. */
export type Verifies = (message: Uint8Array, signature: Uint8Array) => boolean;

/** Reads the key, 32 bytes in base64; `undefined` where they are no key. Rejects where no module may run. */
export async function pin(publicKey: string): Promise<Verifies | undefined> {
  await init({ module_or_path: module });
  try {
    const key = new PinnedKey(publicKey);
    return (message, signature) => key.verifies(message, signature);
  } catch {
    return undefined;
  }
}

/**
 * A description that a neighbour carried, for whom it is proven; `words` are what a tracker gave to read proofs by.
 * Rejects where it is not, or no module may run.
 */
export async function prove(
  words: string,
  room: Uint8Array,
  message: Uint8Array,
): Promise<Uint8Array> {
  await init({ module_or_path: module });
  if (!proves(words, room, message)) throw new Error("not proven");
  return message;
}
