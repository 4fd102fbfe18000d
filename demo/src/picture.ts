/**
 * The picture of the swarm: who sends to whom, as SVG, and the same as a table. One SVG unit is one
 * pixel, so text keeps its size on a phone. Elements live on between ticks and only change their
 * attributes: movement is left to CSS, which stops it for those who asked for less.
 */
import { CDN, type Crowd, type Edge, type Node } from "./crowd.js";
import { element, setText } from "./dom.js";
import { megabits, megabytes, percent, rate, viewers } from "./words.js";

interface Point {
  x: number;
  y: number;
}

/** Where somebody stands; `above` puts the figures over the circle, out of the way of the edges. */
interface Place extends Point {
  above: boolean;
}

const RADIUS = 25;
const RING = 2 * Math.PI * (RADIUS + 4);
const FLOWING = 4000; // bytes a second below which a link counts as idle
const FULL_RATE = 500_000; // bytes a second drawn with the widest edge

/** The drawn swarm. */
export class Picture {
  readonly #svg = svg("svg", { role: "img" });
  readonly #title = svg("title", { id: "picture-text" });
  readonly #edges = svg("g", {});
  readonly #nodes = svg("g", {});
  readonly #parts = new Map<string, SVGGElement>();
  readonly #place: HTMLElement;
  #crowd: Crowd = { nodes: [], edges: [] };

  constructor(place: HTMLElement) {
    this.#place = place;
    this.#svg.setAttribute("aria-labelledby", "picture-text");
    this.#svg.append(this.#title, this.#edges, this.#nodes);
    place.append(this.#svg);
    new ResizeObserver(() => this.draw(this.#crowd)).observe(place);
  }

  /** Draws the crowd as it is now. */
  draw(crowd: Crowd): void {
    this.#crowd = crowd;
    const width = Math.max(260, this.#place.clientWidth);
    const height = Math.max(300, this.#place.clientHeight);
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const places = layOut(crowd.nodes, width, height);
    setText(this.#title, describe(crowd));
    const seen = new Set<string>();
    for (const edge of crowd.edges) {
      const from = places.get(edge.from);
      const to = places.get(edge.to);
      if (!from || !to) continue;
      const id = `${edge.from}>${edge.to}`;
      seen.add(id);
      drawEdge(this.#part(id, this.#edges, newEdge), edge, from, to);
    }
    for (const node of crowd.nodes) {
      const at = places.get(node.id);
      if (!at) continue;
      seen.add(node.id);
      drawNode(this.#part(node.id, this.#nodes, () => newNode(node)), node, at);
    }
    for (const [id, part] of this.#parts) {
      if (seen.has(id)) continue;
      part.remove();
      this.#parts.delete(id);
    }
  }

  #part(id: string, parent: SVGGElement, make: () => SVGGElement): SVGGElement {
    let part = this.#parts.get(id);
    if (!part) {
      part = make();
      parent.append(part);
      this.#parts.set(id, part);
    }
    return part;
  }
}

/** The picture's content as a table. */
export function flowTable(crowd: Crowd): HTMLTableElement {
  const table = element("table", "flows");
  const caption = element("caption", "visually-hidden", "Who sends to whom");
  const head = table.createTHead().insertRow();
  for (const text of ["From", "To", "Now", "So far"]) {
    const cell = element("th", "", text);
    cell.scope = "col";
    head.append(cell);
  }
  const names = new Map(crowd.nodes.map((node) => [node.id, node.name]));
  const body = table.createTBody();
  for (const edge of crowd.edges) {
    const row = body.insertRow();
    const cells = [
      names.get(edge.from) ?? edge.from,
      names.get(edge.to) ?? edge.to,
      edge.rate >= FLOWING ? rate(edge.rate) : "idle",
      megabytes(edge.bytes),
    ];
    for (const text of cells) row.insertCell().textContent = text;
  }
  table.prepend(caption);
  return table;
}

/** The picture in a sentence. */
function describe(crowd: Crowd): string {
  const people = crowd.nodes.filter((node) => node.id !== CDN);
  const between = crowd.edges.filter((edge) => edge.from !== CDN);
  const flowing = between.filter((edge) => edge.rate >= FLOWING).length;
  const total = crowd.edges.reduce((sum, edge) => sum + edge.bytes, 0);
  const shared = between.reduce((sum, edge) => sum + edge.bytes, 0);
  const share = total > 0 ? ` ${percent(shared / total)} of all bytes came from viewers.` : "";
  return `The CDN and ${viewers(people.length)}; ${flowing} transfers between viewers now.${share}`;
}

/** The CDN above, everybody else on an arc below it. */
function layOut(nodes: readonly Node[], width: number, height: number): Map<string, Place> {
  const places = new Map<string, Place>([[CDN, { x: width / 2, y: 42, above: true }]]);
  const others = nodes.filter((node) => node.id !== CDN);
  const centre = { x: width / 2, y: height * 0.53 };
  const reach = { x: Math.min(width / 2 - 44, 250), y: others.length > 1 ? height * 0.47 - 66 : height * 0.17 };
  const spread = Math.min(1.25 * Math.PI, 0.42 * Math.PI * (others.length - 1));
  others.forEach((node, index) => {
    const share = others.length > 1 ? index / (others.length - 1) : 0.5;
    const angle = Math.PI / 2 + spread / 2 - spread * share;
    const x = centre.x + reach.x * Math.cos(angle);
    const y = centre.y + reach.y * Math.sin(angle);
    places.set(node.id, { x, y, above: y < centre.y + 20 });
  });
  return places;
}

function newEdge(): SVGGElement {
  const group = svg("g", { class: "flow" });
  group.append(svg("path", { class: "edge" }), svg("path", { class: "dots" }));
  group.append(svg("path", { class: "tip", d: "M-7 -5 4 0 -7 5z" }));
  return group;
}

function drawEdge(group: SVGGElement, edge: Edge, from: Point, to: Point): void {
  const kind = edge.from === CDN ? "cdn" : "peer";
  const flowing = edge.rate >= FLOWING;
  group.setAttribute("class", `flow ${kind}${flowing ? " flowing" : ""}`);
  const width = flowing ? 2 + 5 * Math.sqrt(Math.min(1, edge.rate / FULL_RATE)) : 1;
  group.style.setProperty("--width", width.toFixed(1));
  const { path, end, angle } = curve(from, to, kind === "cdn" ? 0 : 0.13);
  const [line, dots, tip] = group.children;
  line?.setAttribute("class", `edge ${kind}`);
  line?.setAttribute("d", path);
  dots?.setAttribute("d", path);
  tip?.setAttribute("transform", `translate(${end.x} ${end.y}) rotate(${angle})`);
}

/** A line from rim to rim that bends to its right, so that both directions stay apart. */
function curve(from: Point, to: Point, bend: number): { path: string; end: Point; angle: number } {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const middle = { x: (from.x + to.x) / 2 - dy * bend, y: (from.y + to.y) / 2 + dx * bend };
  const start = towards(from, middle, RADIUS + 10);
  const end = towards(to, middle, RADIUS + 13);
  const angle = (Math.atan2(to.y - middle.y, to.x - middle.x) * 180) / Math.PI;
  const path = `M${start.x} ${start.y}Q${middle.x.toFixed(1)} ${middle.y.toFixed(1)} ${end.x} ${end.y}`;
  return { path, end, angle };
}

function towards(from: Point, to: Point, distance: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const x = from.x + ((to.x - from.x) * distance) / length;
  const y = from.y + ((to.y - from.y) * distance) / length;
  return { x: Math.round(x * 10) / 10, y: Math.round(y * 10) / 10 };
}

function newNode(node: Node): SVGGElement {
  const group = svg("g", { class: `node ${node.kind}` });
  if (node.id === CDN) {
    group.append(svg("rect", { class: "body", x: -38, y: -20, width: 76, height: 40, rx: 10 }));
    group.append(label("CDN", 5, "face"));
  } else {
    group.append(svg("circle", { class: "body", r: RADIUS }));
    group.append(svg("circle", { class: "ring base", r: RADIUS + 4 }));
    group.append(svg("circle", { class: "ring shared", r: RADIUS + 4, transform: "rotate(-90)" }));
    group.append(label("", 6, "face"));
  }
  group.append(label("", 0, "rates"));
  return group;
}

function drawNode(group: SVGGElement, node: Node, at: Place): void {
  group.setAttribute("class", `node ${node.kind}${node.shared === null ? " empty" : ""}`);
  group.setAttribute("transform", `translate(${at.x.toFixed(1)} ${at.y.toFixed(1)})`);
  const ring = group.querySelector(".shared");
  ring?.setAttribute("stroke-dasharray", `${RING * (node.shared ?? 0)} ${RING}`);
  const face = group.querySelector(".face");
  if (face && node.id !== CDN) setText(face, node.name.replace(/^\w+ /, ""));
  const rates = group.querySelector(".rates");
  if (!rates) return;
  const gap = node.id === CDN ? 27 : RADIUS + 13;
  rates.setAttribute("y", String(at.above ? -gap : gap + 10));
  const out = `↑${megabits(node.rateOut)}`;
  setText(rates, node.id === CDN ? out : `↓${megabits(node.rateIn)} ${out}`);
}

function label(text: string, y: number, name: string): SVGTextElement {
  const made = svg("text", { class: name, y, "text-anchor": "middle" });
  made.textContent = text;
  return made;
}

function svg<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Record<string, string | number>,
): SVGElementTagNameMap[K] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
