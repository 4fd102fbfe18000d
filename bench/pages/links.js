// @ts-check
// Counts what passes over the page's data channels, from outside: the same for every library, whatever it
// says of itself. Runs before anything else in the page; changes nothing that a library could notice.

const links = {
  /** When the first channel opened, of `performance.now()`. @type {number | null} */
  firstOpenAt: null,
  /** Channels that ever opened. */
  opened: 0,
  /** Bytes of messages, control included. */
  receivedBytes: 0,
  sentBytes: 0,
};

/** @param {RTCDataChannel} channel */
function count(channel) {
  const opened = () => {
    links.firstOpenAt ??= performance.now();
    links.opened += 1;
  };
  if (channel.readyState === "open") opened();
  else channel.addEventListener("open", opened);
  channel.addEventListener("message", ({ data }) => {
    links.receivedBytes += data.byteLength ?? data.size ?? data.length;
  });
}

const Native = RTCPeerConnection;
window.RTCPeerConnection = class extends Native {
  /** @param {RTCConfiguration} [configuration] */
  constructor(configuration) {
    super(configuration);
    this.addEventListener("datachannel", ({ channel }) => count(channel));
  }

  /** @param {string} label @param {RTCDataChannelInit} [options] */
  createDataChannel(label, options) {
    const channel = super.createDataChannel(label, options);
    count(channel);
    return channel;
  }
};

const send = RTCDataChannel.prototype.send;
/** @this {RTCDataChannel} @param {any} data */
RTCDataChannel.prototype.send = function (data) {
  links.sentBytes += data.byteLength ?? data.size ?? data.length;
  return send.call(this, data);
};

/** @typedef {typeof links} Links */
Object.assign(window, { links });
