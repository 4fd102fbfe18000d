// @ts-check
// What a page lets out, counted at its own channels and sockets and by its connections' statistics, from
// before any other script runs. It changes nothing of what it counts.

/** @typedef {{ messages: number, bytes: number, sockets: number, connections: number, descriptions: string[] }} Told */

/** Runs in the page. */
export function countWhatLeaves() {
  const told = { messages: 0, bytes: 0, sockets: 0, connections: 0, descriptions: [""] };
  /** @type {RTCPeerConnection[]} */
  const connections = [];
  told.descriptions.pop();
  const size = (/** @type {any} */ data) =>
    typeof data === "string" ? data.length : (data.byteLength ?? data.size ?? 0);
  for (const Kind of [RTCDataChannel, WebSocket]) {
    const { send } = Kind.prototype;
    Kind.prototype.send = function (/** @type {any} */ data) {
      told.messages += 1;
      told.bytes += size(data);
      if (typeof data === "string") told.descriptions.push(data);
      return /** @type {any} */ (send).call(this, data);
    };
  }
  const Socket = WebSocket;
  window.WebSocket = class extends Socket {
    /** @param {string | URL} url @param {string | string[]} [protocols] */
    constructor(url, protocols) {
      super(url, protocols);
      told.sockets += 1;
    }
  };
  const Connection = RTCPeerConnection;
  window.RTCPeerConnection = class extends Connection {
    /** @param {RTCConfiguration} [configuration] */
    constructor(configuration) {
      super(configuration);
      told.connections += 1;
      connections.push(this);
    }
  };
  /** Bytes of packets, as the connections that are open count them. */
  const onTheWire = async () => {
    let sent = 0;
    for (const connection of connections) {
      const rows = /** @type {Iterable<any>} */ (
        /** @type {any} */ (await connection.getStats()).values()
      );
      for (const row of rows) if (row.type === "transport") sent += row.bytesSent;
    }
    return sent;
  };
  Object.assign(window, { told: () => ({ ...told }), onTheWire });
}

/** @param {import("./harness.js").Viewer} viewer @returns {Promise<Told>} */
export const told = (viewer) => viewer.page.evaluate(() => Reflect.get(window, "told")());

/** @param {{ page: import("playwright-core").Page }} viewer @returns {Promise<number>} */
export const onTheWire = (viewer) => viewer.page.evaluate(() => Reflect.get(window, "onTheWire")());
