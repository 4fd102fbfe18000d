// @ts-check
// A publisher in a few lines of Node, beside ours in Rust: digests, sidecars, signed lines, PeerTube's
// file, and a server for the texts that a test makes up. It shares no code with what it tests.

import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";

const blockBytes = 16_384;

/** @param {Uint8Array} bytes */
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();

/** @param {Buffer} bytes lower-case hexadecimal, as PeerTube has it */
export const hexOf = (bytes) => sha256(bytes).toString("hex");

/** The root of the block tree. @param {Buffer} bytes */
export function rootOf(bytes) {
  /** @type {Buffer[]} */
  let row = [];
  for (let at = 0; at < bytes.length; at += blockBytes) {
    row.push(sha256(bytes.subarray(at, at + blockBytes)));
  }
  while (!Number.isInteger(Math.log2(row.length))) row.push(Buffer.alloc(32));
  while (row.length > 1) {
    const pairs = row.filter((_, at) => at % 2 === 0);
    row = pairs.map((left, at) => sha256(Buffer.concat([left, row[at * 2 + 1] ?? left])));
  }
  return row[0] ?? Buffer.alloc(32);
}

/** The line before a segment in a playlist. @param {Buffer} bytes */
export const lineOf = (bytes) =>
  `#EXT-X-SWARMLINE-DIGEST:SIZE=${bytes.length},ROOT="${rootOf(bytes).toString("base64")}"`;

/** A key of a publisher's, and what it signs. */
export class Signer {
  #key = generateKeyPairSync("ed25519");
  stream = "browser-test";

  /** As a page pins it. */
  get publicKey() {
    const { x } = this.#key.publicKey.export({ format: "jwk" });
    return Buffer.from(x ?? "", "base64url").toString("base64");
  }

  /** @param {{ track: string, seq: number, size: number, root: Buffer }} of */
  sign({ track, seq, size, root }) {
    const text = (/** @type {string} */ value) => [number(value.length, 4), Buffer.from(value)];
    const message = [
      Buffer.from("swarmline segment v1\n"),
      ...text(this.stream),
      ...text(track),
      ...[number(seq, 8), number(size, 8), root],
    ];
    return sign(null, Buffer.concat(message), this.#key.privateKey).toString("base64");
  }
}

/** The same line, signed. @param {Signer} signer @param {Buffer} bytes @param {{ track: string, seq: number }} place */
export function signedLineOf(signer, bytes, { track, seq }) {
  const sig = signer.sign({ track, seq, size: bytes.length, root: rootOf(bytes) });
  return `${lineOf(bytes)},STREAM="${signer.stream}",TRACK="${track}",SEQ=${seq},SIG="${sig}"`;
}

/** @param {number} value @param {number} bytes little-endian */
function number(value, bytes) {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntLE(value, 0, Math.min(bytes, 6));
  return buffer;
}

/**
 * A sidecar of whole files.
 * @param {{ url: string, bytes: Buffer }[]} segments
 * @param {Signer} signer
 */
export function sidecarOf(segments, signer) {
  const track = "video";
  const entries = segments.map(({ url, bytes }, seq) => {
    const of = { track, seq, size: bytes.length, root: rootOf(bytes) };
    const { size, root } = of;
    return { url, size, root: root.toString("base64"), seq, sig: signer.sign(of) };
  });
  return JSON.stringify({
    format: "swarmline-sidecar",
    version: 1,
    stream: signer.stream,
    tracks: [{ track, segments: entries }],
  });
}

/** Answers with texts, to any page. */
export class TextServer {
  /** Path → what it answers to a query. @type {Map<string, (query?: URLSearchParams) => string>} */
  texts = new Map();
  /** Paths asked for. @type {string[]} */
  asked = [];
  /** Bytes of all answers. */
  sentBytes = 0;
  url = "";
  #server = createServer((request, response) => {
    const { pathname: path, searchParams } = new URL(request.url ?? "/", "http://x");
    const body = this.texts.get(path)?.(searchParams);
    this.asked.push(path);
    this.sentBytes += Buffer.byteLength(body ?? "");
    response.writeHead(body === undefined ? 404 : 200, {
      "access-control-allow-origin": "*",
      "content-type": path.endsWith("m3u8") ? "application/vnd.apple.mpegurl" : "application/json",
    });
    response.end(body);
  });

  async start() {
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", () => resolve(null)));
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    this.url = `http://127.0.0.1:${address.port}`;
    return this;
  }

  stop() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}
