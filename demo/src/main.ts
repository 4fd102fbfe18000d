/**
 * Wires the page: settings to viewers, viewers to picture, figures and time line, once a second.
 * Decides how many viewers there are, which stream they play, and which sentence describes it.
 */
import { byId, element, setText } from "./dom.js";
import { crowdOf } from "./crowd.js";
import { bindControls } from "./controls.js";
import { bindDiagnosis } from "./diagnosis.js";
import { type Counters, readCounters, setFault } from "./origin.js";
import { flowTable, Picture } from "./picture.js";
import { readSettings, writeSettings } from "./settings.js";
import { explainFailure, SAMPLES } from "./stream.js";
import { Tabs } from "./tabs.js";
import { TimeLine } from "./timeline.js";
import { copiesASegment, Deliveries, Totals } from "./totals.js";
import { Viewer, type ViewerState } from "./viewer.js";
import { viewers as countOf } from "./words.js";

const TICK_MS = 1000;
const JOIN_APART_MS = 1200; // so that the eye sees them join, and each finds somebody there
const HELLO_MS = 200; // how long other tabs have to say which numbers are taken

const settings = readSettings(new URL(location.href));
const present: Viewer[] = [];
const tabs = new Tabs(() => present.map((viewer) => viewer.state));
const picture = new Picture(byId("picture", HTMLElement));
const totals = new Totals(byId("figures", HTMLElement));
const line = new TimeLine(byId("line", HTMLElement));
const wall = byId("wall", HTMLElement);
const deliveries = new Deliveries();
const notes = byId("notes", HTMLElement);
const said = new Set<string>();
let counters: Counters | null = null;
let joining = 0;
let failure = "";
let failing = "";

const listener = {
  onWarning: (message: string): void => {
    if (said.has(message) || said.size >= 5) return;
    said.add(message);
    notes.hidden = false;
    notes.append(element("li", "", message));
  },
  onFailure: (reason: string, url: string): void => {
    if (failing === url && failure !== "") return;
    failing = url;
    failure = `The stream cannot be played (${reason}).`;
    void explainFailure(url).then((words) => {
      if (failing === url && failure !== "") failure = words;
    });
  },
  onSegment: (): void => {
    failure = "";
  },
};

function streamUrl(): string {
  return new URL(settings.src || SAMPLES[settings.sample], location.href).href;
}

/** Brings the number of players to what the settings say, one after another. */
function fill(): void {
  clearTimeout(joining);
  while (present.length > settings.viewers) present.pop()?.destroy();
  if (present.length < settings.viewers) {
    const viewer = new Viewer(freeLabel(), listener);
    present.push(viewer);
    wall.append(viewer.box);
    viewer.play(streamUrl(), settings, settings.src === "" && settings.sample === "vod");
    joining = window.setTimeout(fill, JOIN_APART_MS);
  }
  wall.dataset["players"] = String(settings.viewers);
  tabs.tell();
  draw();
}

/** Starts over with another stream. */
function restart(): void {
  while (present.length > 0) present.pop()?.destroy();
  failure = "";
  said.clear();
  notes.replaceChildren();
  notes.hidden = true;
  fill();
}

function freeLabel(): number {
  const taken = new Set([...tabs.viewers(), ...present.map((v) => v.state)].map((v) => v.label));
  let label = 1;
  while (taken.has(label)) label += 1;
  return label;
}

/** Two tabs that opened at once may have taken the same number: the younger viewer moves on. */
function settleLabels(others: readonly ViewerState[]): void {
  for (const viewer of present) {
    const { label, joinedAt, key } = viewer.state;
    const older = (other: ViewerState): boolean =>
      other.joinedAt < joinedAt || (other.joinedAt === joinedAt && other.key < key);
    if (others.some((other) => other.label === label && older(other))) viewer.rename(freeLabel());
  }
}

function draw(): void {
  controls.showFault(tabs.fault.kind);
  const here = present.map((viewer) => viewer.state);
  const swarms = new Set(here.map((viewer) => viewer.swarm).filter((swarm) => swarm !== ""));
  const elsewhere = tabs.viewers().filter((viewer) => swarms.has(viewer.swarm));
  const everybody = [...here, ...elsewhere].sort((a, b) => a.label - b.label);
  const crowd = crowdOf(here, elsewhere);
  picture.draw(crowd);
  const flows = byId("flows", HTMLElement);
  if (!flows.hidden) flows.replaceChildren(flowTable(crowd));
  deliveries.note(everybody);
  totals.draw(everybody, copiesASegment(everybody, deliveries, counters, tabs.baseline));
  line.draw(everybody, new Map(crowd.nodes.map((node) => [node.id, node.name])));
  const scope = elsewhere.length > 0 ? " in all tabs of this browser" : " in this page";
  setText(byId("scope", HTMLElement), `${countOf(everybody.length)}${scope}`);
  setText(byId("status", HTMLElement), sentence(here, crowd.nodes.length - 2));
}

/** What is going on, in one sentence that changes rarely. */
function sentence(here: readonly ViewerState[], others: number): string {
  if (tabs.fault.kind !== "none") {
    return settings.sample === "live"
      ? "The CDN is broken. New live segments exist nowhere else, so playback waits for it."
      : "The CDN is broken. Viewers go on with what they hold and with what others hand them.";
  }
  if (failure) return failure;
  const plain = here.filter((viewer) => viewer.engine === "failed" || viewer.engine === "off");
  if (plain.length > 0 && plain.length === here.length) {
    return "No swarm in this browser: the player goes on alone, everything comes from the CDN.";
  }
  if (here.every((viewer) => viewer.peerId === "")) return "Starting …";
  if (settings.maxPeers === 0) return "Links are off: everything comes from the CDN.";
  if (settings.uploadLimit === 0) return "Viewers here pass nothing on, so the CDN sends more.";
  const linked = here.some((viewer) => viewer.from.length > 0);
  if (!linked && others > 0) return "Finding the other viewers …";
  if (!linked) {
    return "You are the only viewer, so everything comes from the CDN. Let somebody join:";
  }
  if (here.every((viewer) => viewer.whole)) {
    return "Every viewer here has the whole film. Choose Live for a swarm that goes on.";
  }
  return `Linked to ${countOf(others)}. The first segment came from the CDN, the next ones come from them.`;
}

async function tick(): Promise<void> {
  for (const viewer of present) viewer.tick();
  counters = await readCounters();
  if (counters && !tabs.baseline) tabs.baseline = { at: Date.now(), counters };
  controls.originIs(counters !== null && streamUrl().startsWith(`${location.origin}/`));
  settleLabels(tabs.viewers());
  tabs.tell();
  draw();
}

const controls = bindControls(settings, {
  onSettings: () => {
    for (const viewer of present) viewer.update(settings);
    showAddress();
  },
  onViewers: () => {
    showAddress();
    fill();
  },
  onStream: () => {
    showAddress();
    restart();
  },
  onFault: (kind) => {
    tabs.fault = { at: Date.now(), kind };
    tabs.tell();
    draw();
  },
  onTable: draw,
});

/** Keeps the address bar and the link to another tab in step with the settings. */
function showAddress(): void {
  history.replaceState(null, "", writeSettings(new URL(location.href), settings));
  const another = writeSettings(new URL(location.href), { ...settings, viewers: 1 });
  byId("tab", HTMLAnchorElement).href = another.href;
}

bindDiagnosis(() => present[0]);
showAddress();
setTimeout(() => {
  // What an earlier visit broke is whole again.
  if (tabs.alone) void setFault("none");
  fill();
  void tick();
  setInterval(() => void tick(), TICK_MS);
}, HELLO_MS);
addEventListener("pagehide", () => {
  while (present.length > 0) present.pop()?.destroy();
});
