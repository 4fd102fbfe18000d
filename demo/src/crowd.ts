/**
 * Everybody the page knows of, as a graph: the CDN, viewers here and in other tabs, and peers known
 * only by a link. A flow is told by its receiver where the page knows the receiver, else by its
 * sender, so nothing is counted twice.
 */
import type { Flow, ViewerState } from "./viewer.js";

/** Somebody in the picture. */
export interface Node {
  /** Peer id, or `"cdn"`. */
  id: string;
  name: string;
  kind: "cdn" | "here" | "tab" | "elsewhere";
  /** Share of its bytes that came from peers; `null` while it has none or nobody knows. */
  shared: number | null;
  rateIn: number;
  rateOut: number;
}

/** Bytes from one to another. A link without bytes is drawn as a link. */
export interface Edge {
  from: string;
  to: string;
  rate: number;
  bytes: number;
}

/** The graph. */
export interface Crowd {
  nodes: Node[];
  edges: Edge[];
}

/** Bytes of viewers, added up. */
export interface Sums {
  cdnBytes: number;
  peerBytes: number;
  uploadedBytes: number;
}

/** The id of the CDN among the nodes. */
export const CDN = "cdn";

/** Joins what the viewers say into one graph. */
export function crowdOf(here: readonly ViewerState[], tabs: readonly ViewerState[]): Crowd {
  const viewers = [...here, ...tabs].filter((viewer) => viewer.peerId !== "");
  const known = new Set(viewers.map((viewer) => viewer.peerId));
  const edges: Edge[] = [];
  const strangers = new Set<string>();
  for (const viewer of viewers) {
    const me = viewer.peerId;
    edges.push({ from: CDN, to: me, rate: viewer.cdnRate, bytes: viewer.cdnBytes });
    for (const flow of viewer.from) edges.push(edgeOf(flow, flow.peer, me));
    for (const flow of viewer.to) {
      if (known.has(flow.peer)) continue;
      strangers.add(flow.peer);
      edges.push(edgeOf(flow, me, flow.peer));
    }
  }
  const nodes: Node[] = [node(CDN, "CDN", "cdn", null, edges)];
  for (const viewer of [...viewers].sort((a, b) => a.label - b.label)) {
    const kind = here.includes(viewer) ? "here" : "tab";
    nodes.push(node(viewer.peerId, `Viewer ${viewer.label}`, kind, sharedOf(viewer), edges));
  }
  for (const id of [...strangers].sort()) {
    nodes.push(node(id, `Peer ${id.slice(-4)}`, "elsewhere", null, edges));
  }
  return { nodes, edges };
}

/** Bytes of all these viewers together. */
export function sumsOf(viewers: readonly ViewerState[]): Sums {
  const sums: Sums = { cdnBytes: 0, peerBytes: 0, uploadedBytes: 0 };
  for (const viewer of viewers) {
    sums.cdnBytes += viewer.cdnBytes;
    sums.peerBytes += viewer.peerBytes;
    sums.uploadedBytes += viewer.uploadedBytes;
  }
  return sums;
}

function edgeOf(flow: Flow, from: string, to: string): Edge {
  return { from, to, rate: flow.rate, bytes: flow.bytes };
}

function sharedOf(viewer: ViewerState): number | null {
  const total = viewer.peerBytes + viewer.cdnBytes;
  return total > 0 ? viewer.peerBytes / total : null;
}

function node(
  id: string,
  name: string,
  kind: Node["kind"],
  shared: number | null,
  edges: readonly Edge[],
): Node {
  let rateIn = 0;
  let rateOut = 0;
  for (const edge of edges) {
    if (edge.to === id) rateIn += edge.rate;
    if (edge.from === id) rateOut += edge.rate;
  }
  return { id, name, kind, shared, rateIn, rateOut };
}
