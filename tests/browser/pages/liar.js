// @ts-check
// Makes a viewer's page dishonest: what its engine sends over WebRTC is changed on the way out, while the
// engine itself believes in what it does. Runs before anything else in the page; `window.liar.kind` says
// how it lies and may change at any time. It decides nothing about whom: everybody is lied to. It may also
// accuse others at the tracker.

/** @typedef {"nothing" | "flip" | "truncate" | "oversize" | "swap" | "older" | "leaves" | "haves" | "promises" | "drip" | "flood"} Kind */

/** Layouts of src/wire: message numbers, and where fields stand. */
const number = { have: 4, haveAll: 5, request: 6, block: 7, leaves: 22 };
const blockHeader = 32;
const blockLength = 16 * 1024;
const keyLength = 24;
const promised = 3;

/** A promise reaches beyond what a visitor may wait for one, so that there is time to believe it. */
const promiseMs = 4_000;
/** A drip is slower than the stream, and never silent for as long as a peer may be. */
const dripMs = 700;
/** How often each block is sent in a flood, and how many small messages go with it. */
const floodCopies = 12;
const floodMessages = 400;

const liar = {
  /** @type {Kind} */
  kind: "nothing",
  /** Messages that were changed, added or withheld. */
  lies: 0,
  /** Blocks somebody asked for since `kind` was set. */
  asked: 0,
  /** Promises that somebody made because of one of ours. */
  relied: 0,
  /** Names of segments by number, hexadecimal, for promises. @type {Map<bigint, Uint8Array>} */
  versions: new Map(),
  /** What trackers refused. @type {string[]} */
  refusals: [],
  /** Reports a peer to every tracker, so many times. @param {string} peer hexadecimal @param {number} times */
  accuse: (peer, times) => {
    const bytes = (peer.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
    const against = String.fromCharCode(...bytes);
    let sent = 0;
    for (const [socket, announce] of trackers) {
      const { info_hash, peer_id } = announce;
      const vote = JSON.stringify({ action: "vote", info_hash, peer_id, against });
      for (let nth = 0; nth < times && socket.readyState === WebSocket.OPEN; nth += 1) {
        tell.call(socket, vote);
        sent += 1;
      }
    }
    return sent;
  },
};

/** Trackers that are spoken to, and how one announced itself there. @type {Map<WebSocket, any>} */
const trackers = new Map();
const tell = WebSocket.prototype.send;

/** @this {WebSocket} @param {any} data */
WebSocket.prototype.send = function (data) {
  const message = JSON.parse(data);
  if (message.action === "announce" && message.peer_id) {
    if (!trackers.has(this))
      this.addEventListener("message", ({ data: answer }) => refused(answer));
    trackers.set(this, message);
  }
  tell.call(this, data);
};

/** @param {string} answer */
function refused(answer) {
  const reason = JSON.parse(answer)["failure reason"];
  if (reason) liar.refusals.push(reason);
}

/** Messages of two segments, by length: one of them is another one's. @type {Map<number, Uint8Array[]>} */
const remembered = new Map();
const honestly = RTCDataChannel.prototype.send;
const create = RTCPeerConnection.prototype.createDataChannel;

/** @param {RTCDataChannel} channel @param {Uint8Array} message */
function send(channel, message) {
  if (channel.readyState === "open") honestly.call(channel, /** @type {any} */ (message));
}

/** @this {RTCDataChannel} @param {any} data */
RTCDataChannel.prototype.send = function (data) {
  const message = new Uint8Array(data instanceof ArrayBuffer ? data : data.slice());
  if (this.label === "blocks") remember(message);
  const changed = this.label === "blocks" ? blockMessages(this, message) : controls(message);
  if (changed.length !== 1 || changed[0] !== message) liar.lies += 1;
  for (const one of changed) send(this, one);
};

/** @this {RTCPeerConnection} @param {string} label @param {RTCDataChannelInit} [options] */
RTCPeerConnection.prototype.createDataChannel = function (label, options) {
  const channel = create.call(this, label, options);
  if (label === "control") watch(channel);
  else channel.addEventListener("message", ({ data }) => remember(new Uint8Array(data)));
  return channel;
};

/** Counts what is asked of this page, and promises that lean on another one. @param {RTCDataChannel} channel */
function watch(channel) {
  channel.addEventListener("message", ({ data }) => {
    const view = new DataView(data);
    if (view.getUint8(0) === number.request) liar.asked += view.getUint16(1 + keyLength + 4, true);
    const isPromise =
      view.getUint8(0) === number.have &&
      view.byteLength === 1 + keyLength + 6 &&
      view.getUint8(1 + keyLength) === promised;
    if (isPromise && view.getUint8(1 + keyLength + 5) > 0) liar.relied += 1;
  });
}

/** What goes out instead of blocks. @param {RTCDataChannel} channel @param {Uint8Array} message @returns {Uint8Array[]} */
function blockMessages(channel, message) {
  switch (liar.kind) {
    case "flip":
      return [withEveryBlockWrong(message)];
    case "truncate":
      return [message.slice(0, -1)];
    case "oversize":
      return [joined(message, new Uint8Array(blockLength))];
    case "swap":
    case "older":
      return [ofAnotherSegment(message)];
    case "haves":
    case "promises":
      return [];
    case "drip":
      drip(channel, message);
      return [];
    case "flood":
      return Array.from({ length: floodCopies }, () => message.slice());
    default:
      return [message];
  }
}

/** What goes out instead of a control message. @param {Uint8Array} message @returns {Uint8Array[]} */
function controls(message) {
  const kind = message[0];
  switch (liar.kind) {
    case "leaves":
      return [kind === number.leaves ? withByteFlipped(message, message.length - 1) : message];
    case "haves":
      if (kind === number.leaves) return [];
      return [kind === number.haveAll ? withEveryBit(message) : message];
    case "promises":
      if (kind === number.leaves) return [];
      return [kind === number.haveAll ? promisesInstead(message) : message];
    case "flood":
      return kind === number.leaves
        ? [message, ...Array.from({ length: floodMessages }, () => message.slice())]
        : [message];
    default:
      return [message];
  }
}

/** @param {Uint8Array} message @param {number} at */
function withByteFlipped(message, at) {
  const changed = message.slice();
  changed[at] = (changed[at] ?? 0) ^ 0xff;
  return changed;
}

/** The last byte of every block is another one. @param {Uint8Array} message */
function withEveryBlockWrong(message) {
  let changed = message;
  for (let start = blockHeader; start < message.length; start += blockLength) {
    changed = withByteFlipped(changed, Math.min(start + blockLength, message.length) - 1);
  }
  return changed;
}

/** @param {...Uint8Array} parts */
function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Keeps the first messages of each length that came or went, of two segments. @param {Uint8Array} message */
function remember(message) {
  const kept = remembered.get(message.length) ?? [];
  if (kept.length === 2 || kept.some((other) => segmentOf(other) === segmentOf(message))) return;
  remembered.set(message.length, [...kept, message.slice()]);
}

/** @param {Uint8Array} message */
const segmentOf = (message) => message.slice(8, blockHeader).join();

/** Bytes of another segment, under the right header or under their own. @param {Uint8Array} message */
function ofAnotherSegment(message) {
  const others = [...remembered.values()].flat().filter((one) => isOther(one, message));
  const whole = others.find((one) => one.length === message.length);
  if (liar.kind === "older") return whole?.slice() ?? message;
  const longer = whole ?? others.find((one) => one.length > message.length);
  if (!longer) return message;
  return joined(message.slice(0, blockHeader), longer.slice(blockHeader, message.length));
}

/** @param {Uint8Array} one @param {Uint8Array} message */
const isOther = (one, message) => segmentOf(one) !== segmentOf(message);

/** Says that every segment is here. @param {Uint8Array} message */
function withEveryBit(message) {
  return joined(message.slice(0, 9), new Uint8Array(8), new Uint8Array(64).fill(0xff));
}

/** Nothing is here yet, and everything soon. @param {Uint8Array} message */
function promisesInstead(message) {
  const track = message.slice(1, 9);
  const entries = [...liar.versions].map(([at, version]) => {
    const entry = new DataView(new ArrayBuffer(keyLength + 6));
    new Uint8Array(entry.buffer).set(track);
    entry.setBigUint64(8, at, true);
    new Uint8Array(entry.buffer).set(version, 16);
    entry.setUint8(keyLength, promised);
    entry.setUint32(keyLength + 1, promiseMs, true);
    return new Uint8Array(entry.buffer);
  });
  return joined(new Uint8Array([number.have]), ...entries);
}

/** One block at a time, each late. @param {RTCDataChannel} channel @param {Uint8Array} message */
function drip(channel, message) {
  const header = new DataView(message.buffer, message.byteOffset, blockHeader);
  const [count, first] = [header.getUint16(2, true), header.getUint32(4, true)];
  for (let at = 0; at < count; at += 1) {
    const start = blockHeader + at * blockLength;
    const one = joined(message.slice(0, blockHeader), message.slice(start, start + blockLength));
    const view = new DataView(one.buffer);
    view.setUint16(2, 1, true);
    view.setUint32(4, first + at, true);
    drops.push({ channel, one });
  }
}

/** @type {{ channel: RTCDataChannel, one: Uint8Array }[]} */
const drops = [];
setInterval(() => {
  const drop = drops.shift();
  if (drop) send(drop.channel, drop.one);
}, dripMs);

Object.assign(window, { liar });

/** @typedef {typeof liar} Liar */
