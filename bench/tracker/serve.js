// @ts-check
// A stock WebTorrent tracker in a process of its own, by the name of its package: `node serve.js NAME`. It
// prints its address as one line of JSON, like `swarmline tracker --json`. It decides nothing.

import { once } from "node:events";
import { argv } from "node:process";

/** @type {Record<string, () => Promise<any>>} */
const packages = {
  // @ts-expect-error the packages have no types
  "bittorrent-tracker": async () => (await import("bittorrent-tracker/server")).default,
  "@peertube/bittorrent-tracker-server": async () =>
    // @ts-expect-error
    (await import("@peertube/bittorrent-tracker-server")).Server,
};

const load = packages[argv[2] ?? ""];
if (!load) throw new Error(`serve.js knows ${Object.keys(packages).join(", ")}`);
const Server = await load();
const server = new Server({ http: false, udp: false, ws: true, stats: false });
// A client that goes while it is written to is a warning to it.
server.on("warning", () => {});
server.on("error", (/** @type {Error} */ why) => {
  throw why;
});
server.listen(0, "127.0.0.1");
if (!server.http.listening) await once(server.http, "listening");
console.log(JSON.stringify({ url: `ws://127.0.0.1:${server.http.address().port}/` }));
