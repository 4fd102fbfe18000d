// @ts-check
// The stock WebTorrent tracker of PeerTube on a free port of this machine, for whoever tests against
// it: as a function, or by hand with `node tests/interop/stock-tracker.js`. It decides nothing.

import { once } from "node:events";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
// @ts-expect-error the package has no types
import { Server } from "@peertube/bittorrent-tracker-server";

/**
 * Starts the tracker.
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function startStockTracker() {
  const server = new Server({ http: false, udp: false, ws: true, stats: false });
  // What a client says wrong must show in the test's output, not vanish.
  server.on("warning", (/** @type {Error} */ why) => console.warn(`stock tracker: ${why.message}`));
  const sockets = new Set();
  server.ws.on("connection", (/** @type {{ terminate(): void }} */ socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  if (!server.http.listening) await once(server.http, "listening");
  const close = async () => {
    // It waits for its clients to leave; a test's end does not.
    for (const socket of sockets) socket.terminate();
    await new Promise((closed) => server.close(closed));
  };
  return { url: `ws://127.0.0.1:${server.http.address().port}/`, close };
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const tracker = await startStockTracker();
  console.log(JSON.stringify({ url: tracker.url }));
}
