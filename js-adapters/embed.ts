/**
 * The embed page (`embed/embed.html`, for an iframe): `<swarmline-player>` with its words as query
 * parameters, and messages to and from the page around it.
 *
 * Invariant: what an address says cannot widen what the page's own `<meta>` lines allow: which hosts are
 * played and which origins are heard and answered. A message from anybody else is not even an error.
 */

import { type EmbedCommand, type EmbedMessage, readCommand } from "./embed-messages.js";
import { allowedOrigins, mayPlay } from "./embed-policy.js";
import "./player-alone.js";
import { CODE_WORDS, liveOption, OPTION_WORDS, WORDS } from "./player-options.js";

/** An address may come from anybody, so it names no code. */
const QUERY_WORDS = WORDS.filter((word) => word !== "src" && !CODE_WORDS.includes(word));
const MEDIA_EVENTS = [
  "play",
  "pause",
  "playing",
  "waiting",
  "seeked",
  "ended",
  "timeupdate",
] as const;
const PLAYER_EVENTS = ["ready", "stats", "peer", "segment", "warning", "error"] as const;

const metaOf = (name: string): string =>
  document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";

const origins = allowedOrigins(metaOf("swarmline-origins"), location.origin);
const hosts = metaOf("swarmline-hosts");
const words = new URLSearchParams(location.search);
const player = document.createElement("swarmline-player");

/** Tells the page around this one, if it is one that may hear. */
function tell(message: EmbedMessage): void {
  if (parent === window) return;
  for (const origin of origins) parent.postMessage(message, origin);
}

function refuse(src: string): void {
  const message = `This page does not play ${src}.`;
  const told = document.createElement("p");
  told.setAttribute("role", "alert");
  told.textContent = message;
  player.remove();
  document.querySelector("main p")?.remove();
  document.querySelector("main")?.append(told);
  tell({ swarmline: 1, event: "error", value: { code: "not-allowed", message } });
}

/** Plays an address, if the page allows it. */
function load(src: string): void {
  if (!mayPlay(src, hosts, document.baseURI)) {
    refuse(src);
    return;
  }
  document.querySelector("main p")?.remove();
  player.src = src;
  if (!player.isConnected) document.querySelector("main")?.append(player);
}

/** Carries out what the page around asks for. */
function obey({ command, value, id }: EmbedCommand): void {
  const { video } = player;
  if (command === "play") player.play().catch(() => undefined);
  else if (command === "pause") player.pause();
  else if (command === "seek") video.currentTime = Number(value);
  else if (command === "volume") video.volume = Math.min(1, Math.max(0, Number(value)));
  else if (command === "muted") video.muted = value === true;
  else if (command === "load") load(String(value));
  else if (command === "stats")
    tell({ swarmline: 1, event: "answer", id, value: player.stats() ?? null });
  else if (command === "set") set(value);
}

/** Changes options that can change while playing: `{ "max-peers": 4 }`. */
function set(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const [word, said] of Object.entries(value)) {
    const known = OPTION_WORDS.includes(word) && liveOption(word, String(said)) !== undefined;
    if (known) player.setAttribute(word, String(said));
  }
}

for (const word of QUERY_WORDS) {
  const said = words.get(word);
  if (said !== null) player.setAttribute(word, said);
}
const title = words.get("label");
if (title) document.title = title;
for (const event of PLAYER_EVENTS) {
  player.addEventListener(event, (heard) =>
    tell({ swarmline: 1, event, value: (heard as CustomEvent<unknown>).detail }),
  );
}
for (const event of MEDIA_EVENTS) {
  player.video.addEventListener(event, () => {
    const { currentTime, duration, paused, muted, volume } = player.video;
    tell({ swarmline: 1, event, value: { currentTime, duration, paused, muted, volume } });
  });
}
addEventListener("message", (message) => {
  const allowed = origins.includes("*") || origins.includes(message.origin);
  const command = allowed && message.source === parent ? readCommand(message.data) : undefined;
  if (command !== undefined) obey(command);
});
const src = words.get("src");
if (src !== null && src !== "") load(src);
else refuse("an empty address: put ?src= and the stream's into its own");
