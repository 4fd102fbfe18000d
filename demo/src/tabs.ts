/**
 * What the page's tabs tell each other, so that one picture shows the viewers of all of them. Only
 * drawings travel here (BroadcastChannel, same browser, same page); the video never does.
 */
import type { Counters, Fault } from "./origin.js";
import type { ViewerState } from "./viewer.js";

/** The origin's counters when the first of the open tabs began to count. */
export interface Baseline {
  at: number;
  counters: Counters;
}

/** The last order to fail that a tab gave. */
export interface FaultOrder {
  at: number;
  kind: Fault;
}

type Message =
  | { kind: "hello" }
  | { kind: "bye"; tab: string }
  | { kind: "state"; tab: string; viewers: ViewerState[]; baseline: Baseline | null; fault: FaultOrder };

const CHANNEL = "swarmline-demo-1";
const SILENT_MS = 10_000;

/** The other tabs. */
export class Tabs {
  /** This tab's earliest known moment to count from; the oldest of all tabs wins. */
  baseline: Baseline | null = null;
  /** How the CDN fails now; the newest order of all tabs wins. */
  fault: FaultOrder = { at: 0, kind: "none" };
  readonly #tab = crypto.randomUUID?.() ?? String(Math.random());
  readonly #channel = new BroadcastChannel(CHANNEL);
  readonly #others = new Map<string, { viewers: ViewerState[]; heardAt: number }>();
  readonly #own: () => ViewerState[];

  constructor(own: () => ViewerState[]) {
    this.#own = own;
    this.#channel.onmessage = (event: MessageEvent<Message>) => this.#hear(event.data);
    this.#say({ kind: "hello" });
    addEventListener("pagehide", () => this.#say({ kind: "bye", tab: this.#tab }));
  }

  /** Viewers in other tabs, as last heard. */
  viewers(): ViewerState[] {
    const now = Date.now();
    for (const [tab, other] of this.#others) {
      if (now - other.heardAt > SILENT_MS) this.#others.delete(tab);
    }
    return [...this.#others.values()].flatMap((other) => other.viewers);
  }

  /** Whether no other tab is open. */
  get alone(): boolean {
    return this.#others.size === 0;
  }

  /** Tells the other tabs about this one. */
  tell(): void {
    this.#say({
      kind: "state",
      tab: this.#tab,
      viewers: this.#own(),
      baseline: this.baseline,
      fault: this.fault,
    });
  }

  #hear(message: Message): void {
    if (message.kind === "hello") this.tell();
    else if (message.kind === "bye") this.#others.delete(message.tab);
    else {
      this.#others.set(message.tab, { viewers: message.viewers, heardAt: Date.now() });
      const theirs = message.baseline;
      if (theirs && theirs.at < (this.baseline?.at ?? Infinity)) this.baseline = theirs;
      if (message.fault.at > this.fault.at) this.fault = message.fault;
    }
  }

  #say(message: Message): void {
    this.#channel.postMessage(message);
  }
}
