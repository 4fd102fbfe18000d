// @ts-check
/**
 * What the page's tests share: the built page on a loopback server of its own, and a Chromium. It
 * needs `dist/` of the page and of the package; `CHROMIUM` names another browser binary.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const HERE = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = { "/swarmline/": join(HERE, "../js-adapters/dist"), "/": join(HERE, "dist") };
/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html",
  ".css": "text/css",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];

/** Opens the browser. */
export async function openBrowser() {
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: ARGS });
}

/** Serves the page as a plain web server would: no tracker, no counters, no faults. */
export async function servePage() {
  return serve(async (request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
    const found = Object.entries(FOLDERS).find(([prefix]) => path.startsWith(prefix));
    const [prefix, folder] = found ?? ["/", HERE];
    const file = join(folder, path === "/" ? "index.html" : path.slice(prefix.length));
    try {
      const body = await readFile(file);
      const type = TYPES[extname(file)] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
}

/**
 * A server on a free loopback port.
 * @param {import("node:http").RequestListener} listener
 */
export async function serve(listener) {
  const server = createServer(listener);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { origin: `http://127.0.0.1:${port}/`, close };
}
