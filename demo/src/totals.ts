/**
 * The figures. Offload is bytes from peers divided by bytes delivered. Copies come from the origin's
 * own counters where the stream is its own (it knows best what it sent), else from the viewers that
 * this page can see. Bytes, not requests: half a segment is half a copy.
 */
import { sumsOf } from "./crowd.js";
import { element, setText } from "./dom.js";
import type { Counters } from "./origin.js";
import type { Baseline } from "./tabs.js";
import type { Piece, ViewerState } from "./viewer.js";
import { megabytes, percent, seconds, times } from "./words.js";

/** CDN copies a segment, and what they would be without the swarm. */
export interface Copies {
  copies: number;
  alone: number;
  counted: "origin" | "viewers";
}

/** Who got which segment, also of viewers who have left: the CDN's counters still hold their share. */
export class Deliveries {
  readonly #viewers = new Map<string, Set<string>>();

  /** Takes note of what these viewers have. */
  note(viewers: readonly ViewerState[]): void {
    for (const viewer of viewers) {
      for (const piece of viewer.pieces) {
        const name = nameOf(piece);
        const got = this.#viewers.get(name) ?? new Set();
        this.#viewers.set(name, got.add(viewer.key));
      }
    }
  }

  /** How many viewers got this segment. */
  of(piece: Piece): number {
    return this.#viewers.get(nameOf(piece))?.size ?? 0;
  }
}

/** Counts copies over the segments these viewers have; `null` before the first. */
export function copiesASegment(
  viewers: readonly ViewerState[],
  deliveries: Deliveries,
  counters: Counters | null,
  baseline: Baseline | null,
): Copies | null {
  const segments = new Map<string, Piece>();
  const paths = new Set<string>();
  let seen = 0;
  for (const piece of viewers.flatMap((viewer) => viewer.pieces)) {
    segments.set(nameOf(piece), piece);
    seen += piece.cdnBytes;
    const path = ownPath(piece.url);
    if (path !== null && counters?.has(path)) paths.add(path);
  }
  let distinct = 0;
  let delivered = 0;
  for (const piece of segments.values()) {
    distinct += piece.bytes;
    delivered += piece.bytes * deliveries.of(piece);
  }
  if (distinct === 0) return null;
  const alone = delivered / distinct;
  if (paths.size === 0) return { copies: seen / distinct, alone, counted: "viewers" };
  let sent = 0;
  for (const path of paths) {
    sent += (counters?.get(path) ?? 0) - (baseline?.counters.get(path) ?? 0);
  }
  return { copies: sent / distinct, alone, counted: "origin" };
}

function nameOf(piece: Piece): string {
  return `${piece.track} ${piece.number} ${piece.url}`;
}

function ownPath(url: string): string | null {
  const parsed = URL.parse?.(url) ?? new URL(url, location.href);
  return parsed.origin === location.origin ? parsed.pathname : null;
}

/** The drawn figures. */
export class Totals {
  readonly #place: HTMLElement;
  readonly #rows = new Map<string, { value: HTMLElement; note: HTMLElement; box: HTMLElement }>();
  readonly #bar = element("div", "bar");
  readonly #filled = element("div", "bar-peers");

  constructor(place: HTMLElement) {
    this.#place = place;
    this.#bar.append(this.#filled);
    this.#bar.setAttribute("aria-hidden", "true");
  }

  /** Draws the figures of these viewers. */
  draw(viewers: readonly ViewerState[], copies: Copies | null): void {
    const sums = sumsOf(viewers);
    const total = sums.cdnBytes + sums.peerBytes;
    const share = total > 0 ? sums.peerBytes / total : 0;
    this.#set("Offload", total > 0 ? percent(share) : "–", "of all bytes came from other viewers");
    this.#filled.style.inlineSize = `${share * 100}%`;
    this.#set(
      "CDN copies",
      copies ? times(copies.copies) : "–",
      copies ? `a segment; ${times(copies.alone)} without the swarm, ${counter(copies)}` : "",
    );
    this.#set("From the CDN", megabytes(sums.cdnBytes), "video taken from the server");
    this.#set("From peers", megabytes(sums.peerBytes), "video taken from viewers, checked");
    // The eldest had nobody to find.
    const joiners = [...viewers].sort((a, b) => a.joinedAt - b.joinedAt).slice(1);
    const first = median(joiners.map((viewer) => viewer.firstPeerMs));
    this.#set("First peer", first === null ? "–" : seconds(first), "until a link to another viewer was open");
    const stalls = viewers.reduce((sum, viewer) => sum + viewer.stallMs, 0);
    const start = median(viewers.map((viewer) => viewer.startupMs));
    const began = start === null ? "" : `first picture after ${seconds(start)}`;
    this.#set("Stalls", stalls === 0 ? "none" : seconds(stalls), began);
  }

  #set(name: string, value: string, note: string): void {
    let row = this.#rows.get(name);
    if (!row) {
      const box = element("div", name === "Offload" ? "figure first" : "figure");
      row = { box, value: element("dd", "value"), note: element("dd", "note") };
      box.append(element("dt", "", name), row.value, row.note);
      if (name === "Offload") row.value.after(this.#bar);
      this.#place.append(box);
      this.#rows.set(name, row);
    }
    setText(row.value, value);
    setText(row.note, note);
  }
}

function counter(copies: Copies): string {
  return copies.counted === "origin" ? "counted by the CDN" : "counted by this page";
}

function median(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  return known[Math.floor(known.length / 2)] ?? null;
}
