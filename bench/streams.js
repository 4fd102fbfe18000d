// @ts-check
// The stream the benchmark plays: 180 seconds of 4-second segments at about 1.3 Mbit/s, made by ffmpeg
// and kept in target/fixtures. Without ffmpeg it is grown from the committed sample: each pass gets its
// own times and its own filling. A stream whose segments repeat is refused: it would pose as sharing.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasFfmpeg, refuseRepeats, root } from "../tests/browser/fixtures.js";

/** Seconds of the stream, and of one segment. */
export const streamSeconds = 180;
export const segmentSeconds = 4;
const bitsPerSecond = 1_300_000;

/** The folder of the stream; `index.m3u8` is its playlist. */
export function benchStream() {
  return hasFfmpeg
    ? made("bench-ffmpeg", `${encode}`, encode)
    : made("bench-sample", `${grow}${readSample}${moveDecodeTimes}${freeBox}`, grow);
}

/** The folder of the same picture in three renditions, 0.5, 0.9 and 1.7 Mbit/s; null without ffmpeg. */
export function ladderStream() {
  return hasFfmpeg
    ? made(
        "bench-ladder",
        `${encodeLadder}${ladderInput}${JSON.stringify(renditions)}`,
        encodeLadder,
      )
    : null;
}

/** The folder of the ladder as MPEG-DASH, picture and sound apart, with a timeline; null without ffmpeg. */
export function dashStream() {
  const recipe = `${encodeDash}${ladderInput}${JSON.stringify(renditions)}`;
  return hasFfmpeg ? made("bench-dash", recipe, encodeDash, "index.mpd") : null;
}

/**
 * The folder of a stream, made now if it is not there yet.
 * @param {string} name
 * @param {string} recipe text of all that it depends on
 * @param {(folder: string) => void} make
 * @param {"index.m3u8" | "index.mpd"} [index]
 */
function made(name, recipe, make, index = "index.m3u8") {
  const hash = createHash("sha256").update(recipe).digest("hex").slice(0, 12);
  const folder = join(root, "target", "fixtures", `${name}-${hash}`);
  if (!existsSync(join(folder, index))) {
    const work = `${folder}.${process.pid}`;
    mkdirSync(work, { recursive: true });
    make(work);
    rmSync(folder, { recursive: true, force: true });
    renameSync(work, folder);
  }
  refuseRepeats("the benchmark's stream", folder);
  return folder;
}

/** Picture size and kbit/s. */
const renditions = [
  { size: "320x180", kbit: 400 },
  { size: "480x270", kbit: 800 },
  { size: "640x360", kbit: 1600 },
];

/** What all ladders are made of; `maps` says what goes into each output stream. @param {string[]} maps */
function ladderInput(maps) {
  const source = (/** @type {string} */ graph) => [
    "-f",
    "lavfi",
    "-t",
    String(streamSeconds),
    "-i",
    graph,
  ];
  const rates = renditions.flatMap(({ size, kbit }, at) => [
    ...[`-s:v:${at}`, size, `-b:v:${at}`, `${kbit}k`],
    ...[`-maxrate:v:${at}`, `${kbit}k`, `-bufsize:v:${at}`, `${kbit}k`],
  ]);
  return [
    ...["-hide_banner", "-loglevel", "error", "-y"],
    ...source("testsrc2=size=640x360:rate=25,noise=alls=20:allf=t:all_seed=11"),
    ...source("sine=frequency=330:sample_rate=48000,tremolo=f=0.2"),
    ...maps.flatMap((stream) => ["-map", stream]),
    ...["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "100"],
    ...["-keyint_min", "100", "-sc_threshold", "0", ...rates, "-c:a", "aac", "-b:a", "64k"],
  ];
}

/** @param {string} folder */
function encodeLadder(folder) {
  const args = [
    ...ladderInput(renditions.flatMap(() => ["0:v", "1:a"])),
    ...["-f", "hls", "-hls_time", String(segmentSeconds), "-hls_playlist_type", "vod"],
    ...["-master_pl_name", "index.m3u8"],
    ...["-var_stream_map", renditions.map((_, at) => `v:${at},a:${at}`).join(" ")],
    ...["-hls_segment_filename", "s_%v_%03d.ts", "media_%v.m3u8"],
  ];
  execFileSync("ffmpeg", args, { cwd: folder });
}

/** @param {string} folder */
function encodeDash(folder) {
  const args = [
    ...ladderInput([...renditions.map(() => "0:v"), "1:a"]),
    ...["-f", "dash", "-seg_duration", String(segmentSeconds), "-use_timeline", "1"],
    ...["-adaptation_sets", "id=0,streams=v id=1,streams=a"],
    ...["-init_seg_name", "init-$RepresentationID$.m4s"],
    ...["-media_seg_name", "s-$RepresentationID$-$Time$.m4s", "index.mpd"],
  ];
  execFileSync("ffmpeg", args, { cwd: folder });
  // The first sound begins before 0 with its encoder's delay, which is in the name, but not in the MPD.
  const sound = `s-${renditions.length}`;
  renameSync(join(folder, `${sound}--1024.m4s`), join(folder, `${sound}-0.m4s`));
}

/** @param {string} folder */
function encode(folder) {
  const kbit = `${bitsPerSecond / 1000 - 68}k`;
  const picture = "testsrc2=size=640x360:rate=25,noise=alls=20:allf=t:all_seed=11";
  const args = [
    ...[
      "-hide_banner",
      "-loglevel",
      "error",
      "-y",
      "-f",
      "lavfi",
      "-t",
      String(streamSeconds),
      "-i",
      picture,
    ],
    ...[
      "-f",
      "lavfi",
      "-t",
      String(streamSeconds),
      "-i",
      "sine=frequency=330:sample_rate=48000,tremolo=f=0.2",
    ],
    ...[
      "-c:v",
      "libx264",
      "-preset",
      "ultrafast",
      "-pix_fmt",
      "yuv420p",
      "-g",
      "100",
      "-keyint_min",
      "100",
    ],
    ...[
      "-sc_threshold",
      "0",
      "-b:v",
      kbit,
      "-maxrate",
      kbit,
      "-bufsize",
      kbit,
      "-c:a",
      "aac",
      "-b:a",
      "64k",
    ],
    ...["-f", "hls", "-hls_time", String(segmentSeconds), "-hls_playlist_type", "vod"],
    ...["-hls_segment_filename", "s%03d.ts", "index.m3u8"],
  ];
  execFileSync("ffmpeg", args, { cwd: folder });
}

/**
 * Repeats the sample with rewritten decode times and a `free` box of noise that fills every segment up
 * to the bit rate.
 * @param {string} folder
 */
function grow(folder) {
  const sample = join(root, "demo", "media");
  const { init, segments, timescales } = readSample(sample);
  writeFileSync(join(folder, "init.mp4"), readFileSync(join(sample, init)));
  const passSeconds = segments.reduce((total, segment) => total + segment.seconds, 0);
  const lines = [];
  for (let number = 0; number * segmentSeconds < streamSeconds; number += 1) {
    const segment = segments[number % segments.length];
    if (!segment) throw new Error(`${sample} lists no segment`);
    const bytes = readFileSync(join(sample, segment.uri));
    moveDecodeTimes(bytes, Math.floor(number / segments.length) * passSeconds, timescales);
    const room = Math.max(8, Math.round((segment.seconds * bitsPerSecond) / 8) - bytes.length);
    writeFileSync(join(folder, `s${number}.m4s`), Buffer.concat([bytes, freeBox(room, number)]));
    lines.push(`#EXTINF:${segment.seconds.toFixed(3)},`, `s${number}.m4s`);
  }
  const head = ["#EXTM3U", "#EXT-X-VERSION:7", `#EXT-X-TARGETDURATION:${segmentSeconds}`];
  head.push("#EXT-X-PLAYLIST-TYPE:VOD", '#EXT-X-MAP:URI="init.mp4"');
  writeFileSync(
    join(folder, "index.m3u8"),
    `${[...head, ...lines, "#EXT-X-ENDLIST"].join("\n")}\n`,
  );
}

/** The first rendition of the sample. @param {string} folder */
function readSample(folder) {
  const uris = (/** @type {string} */ text) =>
    text.split("\n").filter((line) => line && !line.startsWith("#"));
  const master = readFileSync(join(folder, "master.m3u8"), "utf8");
  const media = readFileSync(join(folder, uris(master)[0] ?? ""), "utf8");
  const init = media.match(/#EXT-X-MAP:.*URI="([^"]+)"/)?.[1];
  if (!init) throw new Error(`${folder}: the sample's playlist names no init segment`);
  const lengths = [...media.matchAll(/#EXTINF:([\d.]+)/g)].map((match) => Number(match[1]));
  const segments = uris(media).map((uri, at) => ({ uri, seconds: lengths[at] ?? segmentSeconds }));
  /** @type {Map<number, number>} */
  const timescales = new Map();
  let track = 0;
  const bytes = readFileSync(join(folder, init));
  for (const { kind, body } of boxes(bytes)) {
    const wide = bytes[body] === 1 ? 8 : 0; // version 1 has two 64-bit dates in front
    if (kind === "tkhd") track = bytes.readUInt32BE(body + 12 + wide);
    if (kind === "mdhd") timescales.set(track, bytes.readUInt32BE(body + 12 + wide));
  }
  return { init, segments, timescales };
}

/**
 * Moves every track's decode times, in place.
 * @param {Buffer} bytes
 * @param {number} seconds
 * @param {Map<number, number>} timescales by track
 */
function moveDecodeTimes(bytes, seconds, timescales) {
  let track = 0;
  for (const { kind, body } of boxes(bytes)) {
    if (kind === "tfhd") track = bytes.readUInt32BE(body + 4);
    if (kind !== "tfdt") continue;
    const ticks = Math.round(seconds * (timescales.get(track) ?? 0));
    if (bytes[body] === 1) {
      bytes.writeBigUInt64BE(bytes.readBigUInt64BE(body + 4) + BigInt(ticks), body + 4);
    } else bytes.writeUInt32BE(bytes.readUInt32BE(body + 4) + ticks, body + 4);
  }
}

/**
 * The boxes of an MP4 file that matter here, outer ones before what is in them.
 * @param {Buffer} bytes
 * @returns {Generator<{ kind: string, body: number }>}
 */
function* boxes(bytes, from = 0, end = bytes.length) {
  for (let at = from; at + 8 <= end; ) {
    const size = bytes.readUInt32BE(at);
    const kind = bytes.toString("latin1", at + 4, at + 8);
    if (size < 8) return;
    yield { kind, body: at + 8 };
    if (["moov", "trak", "mdia", "moof", "traf"].includes(kind))
      yield* boxes(bytes, at + 8, at + size);
    at += size;
  }
}

/** A box every player skips, filled with noise of its own. @param {number} length @param {number} seed */
function freeBox(length, seed) {
  const box = Buffer.alloc(length);
  box.writeUInt32BE(length, 0);
  box.write("free", 4);
  for (let at = 8, block = 0; at < length; at += 32, block += 1) {
    createHash("sha256").update(`${seed}/${block}`).digest().copy(box, at);
  }
  return box;
}
