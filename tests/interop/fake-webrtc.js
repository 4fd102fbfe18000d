// @ts-check
// What the stock client needs of WebRTC to make offers and answers: no connection ever comes of it.
// It stands in for `webrtc-polyfill`, whose native part is not in the npm registry.

let made = 0;

/** A description as long as a browser's, unlike any other. @param {string} type */
const describe = (type) => {
  made += 1;
  return { type, sdp: `v=0\r\no=- ${made} 2 IN IP4 127.0.0.1\r\n${"a=x-filler:é\r\n".repeat(130)}` };
};

export class RTCPeerConnection {
  iceConnectionState = "new";
  iceGatheringState = "new";
  connectionState = "new";
  /** @type {{ type: string, sdp: string } | null} */
  localDescription = null;
  /** @type {{ type: string, sdp: string } | null} */
  remoteDescription = null;
  /** @type {((event: { candidate: null }) => void) | null} */
  onicecandidate = null;

  /** @param {string} label */
  createDataChannel(label) {
    return { label, readyState: "connecting", close() {} };
  }

  async createOffer() {
    return describe("offer");
  }

  async createAnswer() {
    return describe("answer");
  }

  /** @param {{ type: string, sdp: string }} description */
  async setLocalDescription(description) {
    this.localDescription = description;
    // Gathering is over at once.
    queueMicrotask(() => this.onicecandidate?.({ candidate: null }));
  }

  /** @param {{ type: string, sdp: string }} description */
  async setRemoteDescription(description) {
    this.remoteDescription = description;
  }

  close() {}
}

export class RTCSessionDescription {
  /** @param {{ type: string, sdp: string }} description */
  constructor({ type, sdp }) {
    this.type = type;
    this.sdp = sdp;
  }
}

export class RTCIceCandidate {}
