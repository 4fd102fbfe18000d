/**
 * How much this page may send to peers now: the page's `uploadLimit`, or nothing while the viewer's connection,
 * battery or hour forbids it. What a browser does not tell is taken for allowed.
 *
 * Invariant: it only ever takes away. After `end()` it listens to nothing and has no timer.
 */

import type { FullConfig, UploadPlace } from "./config.js";

/** What keeps a page from sending. */
export type Bar = UploadPlace | "budget";

/** NetworkInformation (WICG): Chromium alone has it, its `type` on Android and ChromeOS only. */
interface Connection extends EventTarget {
  saveData?: boolean;
  type?: string;
}

/** Battery Status (W3C): Chromium alone. */
interface Battery extends EventTarget {
  charging: boolean;
  level: number;
}

/** Below this a battery that is not being charged is low. */
const LOW = 0.2;
const HOUR_MS = 3_600_000;

const agent = globalThis.navigator as
  | (Navigator & { connection?: Connection; getBattery?(): Promise<Battery> })
  | undefined;

/** What a page may send, and what it has sent this hour. */
export class Allowance {
  readonly #changed: () => void;
  readonly #ended = new AbortController();
  #battery: Battery | undefined;
  #sent = 0;
  #hour: ReturnType<typeof setTimeout> | undefined;

  /** `changed` is called whenever `bar` may answer otherwise. */
  constructor(changed: () => void) {
    this.#changed = changed;
    this.#watch(agent?.connection, "change");
    this.#watch(globalThis.document, "visibilitychange");
    agent?.getBattery?.().then(
      (battery) => {
        this.#battery = battery;
        this.#watch(battery, "levelchange");
        this.#watch(battery, "chargingchange");
        changed();
      },
      () => undefined, // A policy forbids it: unknown.
    );
  }

  #watch(what: EventTarget | undefined, event: string): void {
    const { signal } = this.#ended;
    if (!signal.aborted) what?.addEventListener(event, this.#changed, { signal });
  }

  /** What keeps the page from sending now, if anything. */
  bar({ uploadWhen, uploadBudget }: FullConfig): Bar | undefined {
    const { saveData, type } = agent?.connection ?? {};
    const { charging, level } = this.#battery ?? { charging: true, level: 1 };
    const here: Record<UploadPlace, boolean | undefined> = {
      metered: saveData === true || type === "cellular",
      battery: !charging && level < LOW,
      hidden: globalThis.document?.hidden,
    };
    const places = Object.keys(here) as UploadPlace[];
    const place = places.find((place) => here[place] && !uploadWhen.includes(place));
    return place ?? (this.#sent >= uploadBudget ? "budget" : undefined);
  }

  /** So many bytes went to a peer. An hour begins with the first of them. */
  spend(bytes: number): void {
    this.#hour ??= setTimeout(() => {
      this.#hour = undefined;
      this.#sent = 0;
      this.#changed();
    }, HOUR_MS);
    this.#sent += bytes;
    this.#changed();
  }

  /** Stops watching. */
  end(): void {
    this.#ended.abort();
    clearTimeout(this.#hour);
  }
}
