// As much of a page as the real dash.js needs to load a stream in Node: it preloads without a media element, which
// is all its loading path needs. An XMLHttpRequest with the events that dash.js listens to.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Network } from "./page.mjs";

const element = { canPlayType: () => "", addEventListener() {} };
const page = {
  document: { createElement: () => element, addEventListener() {}, readyState: "loading" },
  location: { href: "http://page.test/", protocol: "http:" },
  navigator: { userAgent: "node", language: "en" },
  screen: { width: 1, height: 1 },
  addEventListener() {},
  removeEventListener() {},
  getComputedStyle: () => ({ getPropertyValue: () => "" }),
  matchMedia: () => ({ matches: false }),
  MediaSource: Object.assign(() => {}, { isTypeSupported: () => true }),
  window: globalThis,
};
for (const [name, value] of Object.entries(page)) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}

/** dash.js's own module. */
const path = createRequire(import.meta.url).resolve("dashjs");
const { MediaPlayer } = await import(pathToFileURL(path.replace("/umd/", "/esm/")).href);

/** A player that says nothing on the console. */
export function dashPlayer(settings = {}) {
  const player = MediaPlayer().create();
  player.updateSettings({ debug: { logLevel: 0 } });
  player.updateSettings({ streaming: { retryAttempts: { MediaSegment: 0 }, ...settings } });
  return player;
}

class DashXhr {
  headers = {};
  open(_method, url) {
    this.url = url;
  }
  setRequestHeader(name, value) {
    this.headers[name.toLowerCase()] = value;
  }
  getAllResponseHeaders() {
    return "age: 3\r\n";
  }
  abort() {
    this.gone = true;
    this.onabort?.({});
  }
  send() {
    const { status, body, hang } = this.network.answer(this.url, this.headers, "xhr");
    if (hang) return;
    setTimeout(() => {
      if (this.gone) return;
      const response =
        this.responseType === "arraybuffer" ? new Uint8Array(body).buffer : body.toString();
      Object.assign(this, { status, statusText: "said", responseURL: this.url, response });
      const { length } = body;
      this.onprogress?.({ lengthComputable: true, loaded: length, total: length });
      this.onload?.({});
      this.onloadend?.({});
    }, 1);
  }
}

/** A film of eight segments in files of their own, and one of four in one file behind an index. */
export function dashVod() {
  const network = new Network();
  globalThis.XMLHttpRequest = class extends DashXhr {
    network = network;
  };
  const template =
    '<SegmentTemplate media="s$Number$.m4s" initialization="init.mp4" duration="2" startNumber="0"/>';
  network.routes.set("/a.mpd", { body: mpd(template) });
  network.routes.set("/init.mp4", { body: Buffer.alloc(10) });
  for (let i = 0; i < 8; i += 1) {
    network.routes.set(`/s${i}.m4s`, { body: Buffer.alloc(1_000 + i, i + 1) });
  }
  const index = sidx(4, 1_000);
  const place = `<BaseURL>one.mp4</BaseURL><SegmentBase indexRange="10-${9 + index.length}">
    <Initialization range="0-9"/></SegmentBase>`;
  network.routes.set("/b.mpd", { body: mpd(place) });
  network.routes.set("/one.mp4", {
    body: Buffer.concat([Buffer.alloc(10), index, Buffer.alloc(4_000, 7)]),
  });
  return network;
}

function mpd(segments) {
  return `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT16S"
    minBufferTime="PT2S" profiles="urn:mpeg:dash:profile:full:2011"><Period id="0">
    <AdaptationSet id="0" contentType="video" mimeType="video/mp4">
    <Representation id="v" bandwidth="100000" codecs="avc1.42c01e" width="320" height="180">${segments}
    </Representation></AdaptationSet></Period></MPD>`;
}

/** An index of segments of four seconds. */
function sidx(count, bytes) {
  const words = [0, 1, 1_000, 0, 0, count];
  for (let i = 0; i < count; i += 1) words.push(bytes, 4_000, 0x90000000);
  const body = Buffer.alloc(8 + words.length * 4);
  body.writeUInt32BE(body.length, 0);
  body.write("sidx", 4);
  for (const [at, word] of words.entries()) body.writeUInt32BE(word, 8 + at * 4);
  return body;
}
