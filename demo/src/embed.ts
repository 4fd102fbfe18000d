/**
 * The page that writes the lines to copy: a form, the text it makes, and the same as a player beside it.
 * What the text is, is `snippets.ts`'s.
 */
import { copyText } from "./copy.js";
import { byId, setText } from "./dom.js";
import { embedAddress, snippet, type Way, type Wishes } from "./snippets.js";
import { SAMPLES } from "./stream.js";

const form = byId("form", HTMLFormElement);
const code = byId("code", HTMLElement);
const copied = byId("copied", HTMLElement);
const preview = byId("preview", HTMLIFrameElement);
const ownTracker = location.origin.replace(/^http/, "ws");

/** What a field says; empty where it says nothing. */
function said(name: string): string {
  const value = new FormData(form).get(name);
  return typeof value === "string" ? value.trim() : "";
}

function readWishes(): Wishes {
  const words = new Map<string, string>();
  for (const word of ["tracker-urls", "max-peers", "cdn-fallback-delay", "upload-limit", "label"]) {
    const value = said(word);
    if (value !== "") words.set(word, value);
  }
  // The sample stays on this machine; elsewhere STUN is what most viewers need.
  if (said("tracker-urls") === ownTracker) words.set("stun-servers", "");
  if (said("start") === "pressed") words.set("preload", "none");
  if (said("start") === "alone") words.set("autoplay", "").set("muted", "");
  const src = new URL(said("src") || SAMPLES.vod, location.href).href;
  return { src, words, package: new URL("/swarmline/", location.href).href };
}

function draw(): void {
  const wishes = readWishes();
  setText(code, snippet((said("way") || "iframe") as Way, wishes));
  setText(copied, "");
  const address = embedAddress(wishes);
  if (preview.src !== address) preview.src = address;
}

for (const [name, value] of [
  ["src", new URL(SAMPLES.vod, location.href).href],
  ["tracker-urls", ownTracker],
] as const) {
  const field = form.elements.namedItem(name);
  if (field instanceof HTMLInputElement) field.value = value;
}
form.addEventListener("change", draw);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  draw();
});
byId("copy", HTMLButtonElement).addEventListener("click", () => void copyText(code, copied));
draw();
