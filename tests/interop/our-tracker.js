// @ts-check
// `swarmline tracker` on a free port of this machine, and clients of it. It decides nothing.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import WebSocket from "ws";

const root = join(import.meta.dirname, "..", "..");

const folder = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const binary = process.env.SWARMLINE_BIN ?? join(folder, "debug", "swarmline");

/**
 * Starts the tracker.
 * @param {string[]} more arguments beside those for a free port
 * @returns {Promise<{ url: string, admin: string | null, close: () => Promise<number> }>} `admin` is the operator's
 *   listener; `close` gives its exit code
 */
export async function startOurTracker(more = []) {
  const child = spawn(binary, ["tracker", "--listen", "127.0.0.1:0", "--json", ...more], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const [line] = await Promise.race([
    once(createInterface(child.stdout), "line"),
    ended.then(([code]) => Promise.reject(new Error(`${binary} ended with code ${code}`))),
  ]);
  const close = async () => {
    child.kill("SIGTERM");
    const [code] = await ended;
    return code;
  };
  const { url, admin } = JSON.parse(line);
  return { url, admin, close };
}

/**
 * A client that says something, and has had an answer.
 * @param {string} url
 * @param {Record<string, unknown>} message
 * @returns {Promise<WebSocket>}
 */
export async function clientSaying(url, message) {
  const client = new WebSocket(url);
  await once(client, "open");
  client.send(JSON.stringify(message));
  await once(client, "message");
  return client;
}
