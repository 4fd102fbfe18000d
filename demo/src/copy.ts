/** Text to take along. */
import { setText } from "./dom.js";

/** Puts what `box` shows into the clipboard, or selects it where that is not allowed; `said` tells which. */
export async function copyText(box: HTMLElement, said: Element): Promise<void> {
  try {
    await navigator.clipboard.writeText(box.textContent ?? "");
    setText(said, "Copied.");
  } catch {
    getSelection()?.selectAllChildren(box);
    setText(said, "Selected: copy it with the keyboard.");
  }
}
