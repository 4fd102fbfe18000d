/**
 * The time line: one row a viewer, one column a segment, a letter for where it came from, and a last
 * row with how often the CDN sent it. It is a table, so it reads aloud as one. Redrawn only when a
 * segment came; it follows the newest column until the visitor scrolls back.
 */
import type { SegmentSource } from "swarmline";
import { element } from "./dom.js";
import type { Piece, ViewerState } from "./viewer.js";
import { megabytes, percent, seconds, times } from "./words.js";

const COLUMNS = 60;
const LETTER: Record<SegmentSource, string> = { cdn: "C", peers: "P", mixed: "M", cache: "K" };
const WORDS: Record<SegmentSource, string> = {
  cdn: "from the CDN",
  peers: "from peers",
  mixed: "mixed",
  cache: "kept here",
};

/** The drawn time line. */
export class TimeLine {
  readonly #place: HTMLElement;
  #drawn = "";

  constructor(place: HTMLElement) {
    this.#place = place;
  }

  /** Draws the segments of these viewers. */
  draw(viewers: readonly ViewerState[], names: ReadonlyMap<string, string>): void {
    const key = viewers.map((v) => `${v.key} ${v.label} ${v.pieces.map(pieceKey).join()}`).join(";");
    if (key === this.#drawn) return;
    this.#drawn = key;
    const place = this.#place;
    const atEnd = place.scrollLeft + place.clientWidth >= place.scrollWidth - 30;
    const before = place.scrollLeft;
    place.replaceChildren(table(viewers, names));
    place.scrollLeft = atEnd ? place.scrollWidth : before;
  }
}

/** How many CDN copies of segment `number` these viewers took together. */
export function copiesOf(viewers: readonly ViewerState[], number: number): number {
  let copies = 0;
  for (const viewer of viewers) {
    const pieces = viewer.pieces.filter((piece) => piece.number === number);
    for (const piece of pieces) copies += piece.cdnBytes / (piece.bytes || 1) / pieces.length;
  }
  return copies;
}

function pieceKey(piece: Piece): string {
  return `${piece.number}${piece.track}${piece.source}`;
}

function table(
  viewers: readonly ViewerState[],
  names: ReadonlyMap<string, string>,
): HTMLTableElement {
  const numbers = [...new Set(viewers.flatMap((v) => v.pieces.map((piece) => piece.number)))];
  const columns = numbers.sort((a, b) => a - b).slice(-COLUMNS);
  const tracks = [...new Set(viewers.flatMap((v) => v.pieces.map((piece) => piece.track)))].sort();
  const made = element("table", tracks.length > 1 ? "line-table stacked" : "line-table");
  made.append(element("caption", "visually-hidden", "Where each segment came from"));
  const head = made.createTHead().insertRow();
  head.append(header("Segment", "col", "corner"));
  for (const number of columns) head.append(header(String(number), "col"));
  const body = made.createTBody();
  for (const viewer of viewers) {
    const row = body.insertRow();
    row.append(header(`Viewer ${viewer.label}`, "row"));
    for (const number of columns) row.append(cell(viewer, number, tracks, names));
  }
  const foot = made.createTFoot().insertRow();
  foot.append(header("CDN copies", "row"));
  for (const number of columns) {
    const copies = copiesOf(viewers, number);
    const made = foot.insertCell();
    made.textContent = times(copies);
    if (copies > 1.5) made.className = "many";
  }
  return made;
}

function cell(
  viewer: ViewerState,
  number: number,
  tracks: readonly string[],
  names: ReadonlyMap<string, string>,
): HTMLTableCellElement {
  const made = element("td");
  for (const track of tracks) {
    const piece = viewer.pieces.find((p) => p.number === number && p.track === track);
    if (!piece) continue;
    const mark = element("span", "piece", LETTER[piece.source]);
    mark.dataset["source"] = piece.source;
    mark.title = details(piece, names);
    mark.append(element("span", "visually-hidden", `, ${WORDS[piece.source]}`));
    made.append(mark);
  }
  return made;
}

function details(piece: Piece, names: ReadonlyMap<string, string>): string {
  const from = piece.senders.map((peer) => names.get(peer) ?? `peer ${peer.slice(-4)}`);
  const share = piece.source === "mixed" ? `, ${percent(piece.peerBytes / piece.bytes)} from peers` : "";
  const who = from.length > 0 ? ` (${from.join(", ")})` : "";
  const size = `${megabytes(piece.bytes)} in ${seconds(piece.elapsedMs)}`;
  return `Segment ${piece.number}: ${WORDS[piece.source]}${share}${who}, ${size}`;
}

function header(text: string, scope: "col" | "row", name = ""): HTMLTableCellElement {
  const made = element("th", name, text);
  made.scope = scope;
  return made;
}
