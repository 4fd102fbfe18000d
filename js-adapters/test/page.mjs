// A page without a browser: the real hls.js, an XMLHttpRequest and a fetch that answer from a table,
// and our adapters translated with a fake engine. hls.js prefetches without a media element, which is
// all its loading path needs.

import { mkdtempSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { engines, wasm } from "./fake-engine.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);

globalThis.self ??= globalThis;
globalThis.location ??= { href: "http://page.test/" };
// hls.js 1.5 reads its name, which Node 20 has not got.
globalThis.navigator ??= { userAgent: "node" };
class FakeConnection {
  close() {}
}

/** Lets this process pass for a page that could connect. */
export function pretendBrowser(on = true) {
  if (on) Object.assign(globalThis, { RTCPeerConnection: FakeConnection });
  else delete globalThis.RTCPeerConnection;
  globalThis.WebSocket ??= class {};
}

/**
 * The adapters, from source, with the fake engine in place of the glue. The module is loaded with the first frame, and an
 * engine begins with the first segment that is asked for: unless `waits`, both have been before.
 */
export async function adapters({ waits = false } = {}) {
  const out = mkdtempSync(join(tmpdir(), "swarmline-contract-"));
  await build({
    absWorkingDir: join(here, ".."),
    entryPoints: ["index.ts", "hls.ts", "shaka.ts", "dash.ts", "config.ts", "timing.ts", "load.ts"],
    outdir: out,
    bundle: true,
    splitting: true,
    format: "esm",
    outExtension: { ".js": ".mjs" },
    plugins: [
      {
        name: "fake-engine",
        setup(bundle) {
          const path = pathToFileURL(join(here, "fake-engine.mjs")).href;
          bundle.onResolve({ filter: /(wasm\/swarmline(-dash|-disk)?|\.\/keys)\.js$/ }, () => ({
            path,
            external: true,
          }));
        },
      },
    ],
  });
  const load = (name) => import(pathToFileURL(join(out, `${name}.mjs`)).href);
  const [index, hls, shaka, dash, config, timing, http] = await Promise.all(
    ["index", "hls", "shaka", "dash", "config", "timing", "load"].map(load),
  );
  const createSwarm = (...given) => {
    const swarm = index.createSwarm(...given);
    const port = swarm[Symbol.for("swarmline.port.1")];
    const { attach, open } = port;
    port.attach = (...given) => {
      attach.apply(port, given);
      port.started();
    };
    port.open = (url) => {
      open.call(port, url);
      port.session?.begin();
    };
    return swarm;
  };
  const made = waits ? {} : { createSwarm };
  return { ...index, ...hls, ...shaka, ...dash, ...config, ...timing, ...http, ...made };
}

/** hls.js by its name among our dependencies. */
export const hlsOf = (name) => require(name);

/** What the network answers: path → { status, body, headers, hang }. Requests are kept. */
export class Network {
  routes = new Map();
  requests = [];

  constructor() {
    const network = this;
    globalThis.XMLHttpRequest = class extends FakeXhr {
      constructor() {
        super();
        this.network = network;
      }
    };
    globalThis.fetch = (url, init = {}) => network.fetch(String(url), init);
  }

  answer(url, headers, by, init) {
    this.requests.push({ url, headers, by, init });
    const route = this.routes.get(new URL(url).pathname) ?? { status: 404, body: "" };
    const body =
      typeof route.body === "string" ? Buffer.from(route.body) : (route.body ?? Buffer.alloc(0));
    const range = /bytes=(\d+)-(\d*)/.exec(headers.range ?? "");
    if (range === null || route.ignoreRange) return { status: 200, ...route, body };
    const end = range[2] === "" ? body.length : Number(range[2]) + 1;
    return { ...route, status: route.status ?? 206, body: body.subarray(Number(range[1]), end) };
  }

  fetch(url, init) {
    const { headers, signal } = init;
    const answer = this.answer(url, Object.fromEntries(new Headers(headers)), "fetch", init);
    const { status, body, hang } = answer;
    return new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
      if (hang) return;
      const length = { "Content-Length": String(body.length) };
      setTimeout(() => resolve(new Response(body, { status, headers: length })), 1);
    });
  }
}

class FakeXhr {
  readyState = 0;
  status = 0;
  headers = {};
  open(_method, url) {
    this.url = url;
    this.readyState = 1;
  }
  setRequestHeader(name, value) {
    this.headers[name.toLowerCase()] = value;
  }
  getAllResponseHeaders() {
    return "age: 3\r\n";
  }
  getResponseHeader(name) {
    return name === "age" ? "3" : null;
  }
  abort() {
    this.gone = true;
  }
  send() {
    const { status, body, hang } = this.network.answer(this.url, this.headers, "xhr");
    if (hang) return;
    setTimeout(() => {
      if (this.gone) return;
      Object.assign(this, { status, responseURL: this.url, readyState: 4, statusText: "said" });
      this.response = new Uint8Array(body).buffer;
      this.responseText = Buffer.from(body).toString();
      this.onreadystatechange?.();
    }, 1);
  }
}

/** Waits until `read` gives something true. */
export async function until(what, read, timeoutMs = 9_000) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = read();
    if (value) return value;
    if (Date.now() > end) throw new Error(`never ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Everything queued has run. */
export const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

/** A network with a VOD of four segments in one file each, and a byte-ranged one. */
export function vod() {
  const network = new Network();
  const lines = ["#EXTM3U", "#EXT-X-VERSION:4", "#EXT-X-TARGETDURATION:4"];
  for (let i = 0; i < 4; i += 1) {
    lines.push("#EXTINF:4,", `s${i}.ts`);
    network.routes.set(`/s${i}.ts`, { body: Buffer.alloc(1_000 + i, i + 1) });
  }
  network.routes.set("/vod.m3u8", { body: [...lines, "#EXT-X-ENDLIST", ""].join("\n") });
  return network;
}

export { engines, wasm };
