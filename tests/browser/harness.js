// @ts-check
// What the browser tests and the benchmark stand on: the test origin (`swarmline demo`, with its own
// counters), a headless Chromium, and viewers in it, each in a context of its own. Only loopback is
// contacted. It judges nothing.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import { root } from "./fixtures.js";

/** @typedef {import("./pages/viewer.js").State} State */
/** @typedef {import("./pages/viewer.js").Options} Options */
/** @typedef {import("./pages/shaka.js").ShakaOptions} ShakaOptions */
/** @typedef {import("./pages/dash.js").DashOptions} DashOptions */
/** @typedef {Record<string, { requests: number, bytes: number }>} Files */

const require = createRequire(import.meta.url);
const here = join(root, "tests", "browser");

/** hls.js builds by version, as URLs of the origin. */
export const hlsBuilds = {
  1.7: "/hls-1.7/hls.js",
  1.6: "/hls-1.6/hls.js",
  1.5: "/hls-1.5/hls.js",
};

/** Where hls.js's builds lie. */
export const hlsFolder = dirname(require.resolve("hls.js"));

/** Chromium's flags: two viewers on one machine must both run, hidden or not, and speak to nobody else. */
export const browserFlags = [
  ...[
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
  ],
  ...["--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"],
  ...["--disable-background-timer-throttling", "--disable-renderer-backgrounding"],
  ...["--disable-backgrounding-occluded-windows", "--disable-features=WebRtcHideLocalIpsWithMdns"],
];

/** Shaka's compiled builds by version. */
export const shakaBuilds = {
  5.2: "/shaka-5.2/shaka-player.compiled.js",
  4.16: "/shaka-4.16/shaka-player.compiled.js",
};

/** dash.js's build. */
export const dashBuild = "/dash-5/dash.all.min.js";

/** The test origin: folders, playlists, counters, faults and a tracker on one port. */
export class Origin {
  /** @param {import("node:child_process").ChildProcess} child @param {string} url */
  constructor(child, url) {
    this.child = child;
    this.url = url;
    this.trackerUrl = url.replace(/^http/, "ws");
    this.isShaped = false;
  }

  /**
   * Starts it on a free port.
   * @param {Record<string, string>} folders path prefix → folder with media
   * @param {string[]} [more] further arguments
   * @param {string} [address] where it listens
   * @returns {Promise<Origin>}
   */
  static async start(folders, more = [], address = "127.0.0.1:0") {
    const pages = {
      "/test": join(here, "pages"),
      "/dist": join(root, "js-adapters", "dist"),
      "/hls-1.7": hlsFolder,
      "/hls-1.6": dirname(require.resolve("hls.js-1.6")),
      "/hls-1.5": dirname(require.resolve("hls.js-1.5")),
      "/shaka-5.2": dirname(require.resolve("shaka-player")),
      "/shaka-4.16": dirname(require.resolve("shaka-player-4.16")),
      "/dash-5": dirname(require.resolve("dashjs")),
    };
    const dirs = Object.entries({ ...pages, ...folders }).flatMap(([path, folder]) => [
      "--dir",
      `${path}=${folder}`,
    ]);
    const child = spawn(binary(), ["demo", "--listen", address, ...dirs, "--sign", ...more], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    /** @type {string[]} */
    const said = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        said.push(line);
        const url = line.match(/http:\/\/(?:[\d.]+|\[[\da-f:]+\]):\d+/)?.[0];
        if (url) child.emit("listening", url);
        if (process.env.SWARMLINE_TEST_LOG) process.stderr.write(`origin: ${line}\n`);
      });
    }
    const url = await new Promise((resolve, reject) => {
      child.once("listening", resolve);
      child.once("error", reject);
      child.once("exit", (code) =>
        reject(new Error(`the origin ended with ${code}:\n${said.join("\n")}`)),
      );
    });
    return new Origin(child, url);
  }

  /** Media asked for since the last reset: path → requests and bytes of bodies. @returns {Promise<Files>} */
  async files() {
    const response = await fetch(`${this.url}/_origin/counters`);
    return (await response.json()).files;
  }

  /** @param {string} path @param {Record<string, string>} [query] */
  async order(path, query = {}) {
    const response = await fetch(`${this.url}/_origin/${path}?${new URLSearchParams(query)}`, {
      method: "POST",
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  }

  reset() {
    return this.order("reset");
  }

  /** @param {string} kind @param {string} match part of the path */
  fault(kind, match) {
    return this.order("fault", { kind, match });
  }

  /** Every visitor's link (header `x-visitor`): a delay, and bytes a second. @param {{ latencyMs: number, bytesPerS: number }} shape */
  shape({ latencyMs, bytesPerS }) {
    this.isShaped = true;
    return this.order("shape", { latency_ms: String(latencyMs), rate: String(bytesPerS) });
  }

  /** @param {boolean} on */
  tracker(on) {
    return this.order("tracker", { on: String(on) });
  }

  /** The address of a page or playlist here. @param {string} path */
  at(path) {
    return `${this.url}${path}`;
  }

  async stop() {
    if (this.child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGINT");
    await ended;
  }
}

/**
 * One Chromium for several viewers.
 * @param {string[]} [flags]
 */
export function startBrowser(flags = browserFlags) {
  return chromium.launch({ executablePath: chromePath(), args: flags });
}

/** Each has a link of its own to the origin, where links are shaped. */
let visitors = 0;

/** A page that plays. */
export class Viewer {
  /** @param {import("playwright-core").BrowserContext} context @param {import("playwright-core").Page} page */
  constructor(context, page) {
    this.context = context;
    this.page = page;
    /** @type {string[]} */
    this.console = [];
    page.on("console", (message) => this.console.push(message.text()));
    page.on("pageerror", (error) => this.console.push(`uncaught: ${error.message}`));
  }

  /**
   * Opens a page in a context of its own and starts playing.
   * @param {import("playwright-core").Browser} browser
   * @param {Origin} origin
   * @param {Options | ShakaOptions | DashOptions} options
   * @param {(() => void) | { path: string } | null} [prepare] runs in the page before anything else
   */
  static async open(browser, origin, options, prepare = null) {
    visitors += 1;
    // Elsewhere the header would ask other hosts for leave.
    const named = { extraHTTPHeaders: { "x-visitor": String(visitors) } };
    const context = await browser.newContext(origin.isShaped ? named : {});
    const page = await context.newPage();
    if (prepare) await page.addInitScript(prepare);
    const viewer = new Viewer(context, page);
    const player = ["shaka", "dash"].find((name) => name in options) ?? "viewer";
    await page.goto(origin.at(`/test/${player}.html`));
    await page.waitForFunction(() => "viewer" in window);
    await page.evaluate((given) => Reflect.get(window, "viewer").start(given), options);
    return viewer;
  }

  /** @returns {Promise<State>} */
  state() {
    return this.page.evaluate(() => Reflect.get(window, "viewer").state());
  }

  /** @param {string} verb @param {number} [value] */
  tell(verb, value) {
    return this.page.evaluate(
      ([name, given]) => Reflect.get(window, "viewer")[name](given),
      /** @type {const} */ ([verb, value]),
    );
  }

  /** Changes options of its swarm. @param {Record<string, unknown>} options */
  update(options) {
    return this.page.evaluate((given) => Reflect.get(window, "viewer").update(given), options);
  }

  /**
   * Waits until the viewer's state is as wanted, and returns that state.
   * @param {string} what said when it never is
   * @param {(state: State) => boolean} wanted
   * @param {number} [timeoutMs]
   */
  async until(what, wanted, timeoutMs = 45_000) {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const state = await this.state();
      if (wanted(state)) return state;
      if (Date.now() > end) {
        const { segments, fragments, stats, ...rest } = state;
        const told = JSON.stringify(
          { ...rest, fragments: fragments.length, segments: segments.length, stats },
          null,
          1,
        );
        throw new Error(`never ${what}\n${told}\n${this.console.slice(-20).join("\n")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  }

  /** Waits until all of a finite stream is buffered. */
  untilWholeStream() {
    return this.until(
      "buffered the whole stream",
      (state) => state.duration > 0 && state.bufferedEnd >= state.duration - 0.5,
    );
  }

  close() {
    return this.context.close();
  }
}

/** Bytes and requests of media segments, playlists and keys left out. @param {Files} files */
export function mediaOf(files) {
  const media = Object.entries(files).filter(([path]) => /\.(ts|m4s|mp4|aac)$/.test(path));
  const sum = (/** @type {"bytes" | "requests"} */ what) =>
    media.reduce((total, [, file]) => total + file[what], 0);
  return { bytes: sum("bytes"), requests: sum("requests"), files: Object.fromEntries(media) };
}

/** All bytes of the origin's answers, playlists included. @param {Files} files */
export function allBytes(files) {
  return Object.values(files).reduce((total, file) => total + file.bytes, 0);
}

/**
 * The first fragment whose bytes are not those of the file, if any.
 * @param {State} state
 * @param {string} folder where the fixture's files are
 */
export function wrongFragment(state, folder) {
  return state.fragments.find(({ url, start, end, sha256 }) => {
    const name = new URL(url).pathname.split("/").pop() ?? "";
    const file = readFileSync(join(folder, name));
    const bytes = end > start ? file.subarray(start, end) : file;
    return sha256 !== "" && createHash("sha256").update(bytes).digest("hex") !== sha256;
  });
}

/** The binary under test. */
export function binary() {
  const path = process.env.SWARMLINE_BIN ?? join(root, "target", "debug", "swarmline");
  if (!existsSync(path))
    throw new Error(`${path} is not there: run cargo build --bin swarmline, or set SWARMLINE_BIN`);
  return path;
}

/** The browser to start. */
export function chromePath() {
  const named = process.env.CHROMIUM;
  if (named) return named;
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
  return found ?? chromium.executablePath();
}
