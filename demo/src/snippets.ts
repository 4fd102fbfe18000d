/**
 * What a visitor copies: one stream and its settings, as an iframe, as an element, or as a script of their
 * own. Text in, text out; a setting at its default is not written.
 */

/** How a page takes the player in. */
export type Way = "iframe" | "element" | "script";

/** What the form says. */
export interface Wishes {
  readonly src: string;
  /** Words of `<swarmline-player>` with their values, in the order of the form. */
  readonly words: ReadonlyMap<string, string>;
  /** Where the package's `dist/` is served, with a slash at its end. */
  readonly package: string;
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

/** The embed page's address with these settings. */
export function embedAddress({ src, words, package: base }: Wishes): string {
  const address = new URL("embed/embed.html", base);
  for (const [word, said] of [["src", src] as const, ...words]) {
    address.searchParams.set(word, said);
  }
  return address.href;
}

/** The text to copy. */
export function snippet(way: Way, wishes: Wishes): string {
  if (way === "iframe") return asFrame(wishes);
  return way === "element" ? asElement(wishes) : asScript(wishes);
}

function asFrame(wishes: Wishes): string {
  const title = wishes.words.get("label") ?? "Video";
  return `<iframe src="${escaped(embedAddress(wishes))}"
  title="${escaped(title)}" width="640" height="360"
  allow="autoplay; fullscreen; picture-in-picture"></iframe>`;
}

function asElement({ src, words, package: base }: Wishes): string {
  const written = [["src", src] as const, ...words].map(([word, said]) =>
    said === "" ? word : `${word}="${escaped(said)}"`,
  );
  return `<script type="module" src="${escaped(new URL("embed/player.js", base).href)}"></script>
<swarmline-player
  ${written.join("\n  ")}></swarmline-player>`;
}

/** Options that are numbers, by their words. */
const NUMBERS: Readonly<Record<string, string>> = {
  "max-peers": "maxPeers",
  "cdn-fallback-delay": "cdnFallbackDelay",
  "upload-limit": "uploadLimit",
};

function asScript({ src, words }: Wishes): string {
  const options: string[] = [];
  for (const [word, said] of words) {
    const number = NUMBERS[word];
    if (number) options.push(`${number}: ${Number(said)}`);
    if (word === "tracker-urls") options.push(`trackerUrls: ${JSON.stringify(said.split(" "))}`);
    if (word === "stun-servers") options.push("stunServers: []");
  }
  const config = options.length > 0 ? `{\n  ${options.join(",\n  ")},\n}` : "";
  return `import Hls from "hls.js";
import { createSwarm } from "swarmline";
import { attachHls } from "swarmline/hls";

const video = document.querySelector("video");
const hls = new Hls();
attachHls(createSwarm(${config}), hls);
hls.loadSource(${JSON.stringify(src)});
hls.attachMedia(video);`;
}
