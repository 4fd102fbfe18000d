// The streams that the browser tests play, made by ffmpeg in the test run and kept in target/fixtures
// under the hash of their recipe: each a folder of a few megabytes at most, 24 to 28 seconds long, with
// `index.m3u8` (a media or a master playlist) or `index.mpd` at its top. Nothing here is committed or downloaded.

import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { basePresentation, twoPeriods } from "./mpds.js";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

const seconds = 24;

/**
 * @typedef {object} Recipe
 * @property {string[][]} runs ffmpeg's arguments, one list a run, in the fixture's folder
 * @property {Record<string, string | Uint8Array>} [files] written before the first run
 * @property {(folder: string) => void} [after] what is left to do
 * @property {"index.m3u8" | "index.mpd"} [index] what players are given; a playlist if nothing is said
 */

/** @param {string} size @param {number} [hue] @returns {string[]} a picture that never repeats, with noise */
const picture = (size, hue = 0) => [
  ...["-f", "lavfi", "-t", String(seconds), "-i"],
  `testsrc2=size=${size}:rate=25,hue=h=${hue},noise=alls=12:allf=t:all_seed=7`,
];
/** @param {number} hertz */
const soundOf = (hertz) => [
  "-f",
  "lavfi",
  "-t",
  String(seconds),
  "-i",
  `sine=frequency=${hertz}:sample_rate=48000,tremolo=f=0.3`,
];
const sound = soundOf(330);
/** @param {string} kbit */
const h264 = (kbit) => [
  ...["-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-pix_fmt", "yuv420p"],
  ...[
    "-g",
    "50",
    "-keyint_min",
    "50",
    "-sc_threshold",
    "0",
    "-b:v",
    `${kbit}k`,
    "-maxrate",
    `${kbit}k`,
  ],
  ...["-bufsize", `${kbit}k`],
];
const aac = ["-c:a", "aac", "-b:a", "48k", "-ac", "1"];
const hls = ["-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod"];
const fmp4 = ["-hls_segment_type", "fmp4"];

/** Picture and sound in TS segments. @param {number} hue @param {...string} more @returns {string[]} */
const plain = (hue, ...more) => [
  ...[...picture("320x180", hue), ...sound, ...h264("400"), ...aac, ...hls],
  ...more,
];

/** @type {Record<string, Recipe>} */
const recipes = {
  ts: {
    runs: [plain(0, "index.m3u8")],
  },
  sequence: {
    runs: [plain(40, "-start_number", "4711", "index.m3u8")],
  },
  ranges: {
    runs: [
      [
        ...picture("320x180", 80),
        ...h264("400"),
        "-an",
        ...hls,
        ...fmp4,
        "-hls_flags",
        "single_file",
        "index.m3u8",
      ],
    ],
  },
  cmaf: {
    runs: [
      [
        ...[
          ...picture("320x180", 120),
          ...sound,
          "-map",
          "0:v",
          "-map",
          "1:a",
          ...h264("400"),
          ...aac,
        ],
        ...[...hls, ...fmp4, "-master_pl_name", "index.m3u8"],
        ...["-var_stream_map", "v:0,agroup:sound a:0,agroup:sound,default:yes,language:en"],
        ...[
          "-hls_fmp4_init_filename",
          "init_%v.mp4",
          "-hls_segment_filename",
          "s_%v_%03d.m4s",
          "media_%v.m3u8",
        ],
      ],
    ],
  },
  ladder: {
    runs: [
      [
        ...[
          ...picture("320x180", 160),
          ...sound,
          "-map",
          "0:v",
          "-map",
          "1:a",
          "-map",
          "0:v",
          "-map",
          "1:a",
        ],
        ...[
          ...h264("250"),
          "-s:v:1",
          "480x270",
          "-b:v:1",
          "600k",
          "-maxrate:v:1",
          "600k",
          "-bufsize:v:1",
          "600k",
        ],
        ...[...aac, ...hls, "-master_pl_name", "index.m3u8", "-var_stream_map", "v:0,a:0 v:1,a:1"],
        ...["-hls_segment_filename", "s_%v_%03d.ts", "media_%v.m3u8"],
      ],
    ],
  },
  aes: {
    files: {
      "key.bin": createHash("sha256").update("not a secret").digest().subarray(0, 16),
      "key.info": "key.bin\nkey.bin\n",
    },
    runs: [plain(200, "-hls_key_info_file", "key.info", "index.m3u8")],
  },
  discontinuity: {
    runs: [
      plain(240, "-t", "12", "-hls_segment_filename", "a%03d.ts", "a.m3u8"),
      plain(300, "-t", "12", "-hls_segment_filename", "b%03d.ts", "b.m3u8"),
    ],
    after: joinPlaylists,
  },
  ...dashRecipes(),
};

/** Two renditions of the picture and the sound. */
function dashRenditions() {
  return [
    ...[...picture("320x180", 60), ...sound, "-map", "0:v", "-map", "0:v", "-map", "1:a"],
    ...[...h264("250"), "-s:v:1", "480x270", "-b:v:1", "600k", "-maxrate:v:1", "600k"],
    ...["-bufsize:v:1", "600k", ...aac],
  ];
}

/** @returns {Record<string, Recipe>} */
function dashRecipes() {
  const dash = [
    "-f",
    "dash",
    "-seg_duration",
    "2",
    "-adaptation_sets",
    "id=0,streams=v id=1,streams=a",
  ];
  const named = (/** @type {string} */ media) => [
    ...["-init_seg_name", "init-$RepresentationID$.m4s", "-media_seg_name", media],
    "index.mpd",
  ];
  const index = /** @type {const} */ ("index.mpd");
  const onePicture = (/** @type {number} */ hue) => [
    ...[...picture("320x180", hue), ...soundOf(330 + hue), ...h264("300"), ...aac],
  ];
  const half = (/** @type {string} */ name) => [
    ...["-t", "12", ...dash, "-use_timeline", "0"],
    ...["-init_seg_name", `${name}-$RepresentationID$-init.m4s`],
    ...["-media_seg_name", `${name}-$RepresentationID$-$Number$.m4s`, `${name}.mpd`],
  ];
  return {
    "dash-time": {
      runs: [
        [
          ...dashRenditions(),
          ...dash,
          "-use_timeline",
          "1",
          ...named("t-$RepresentationID$-$Time$.m4s"),
        ],
      ],
      // The first sound begins before 0 with its encoder's delay, which is in the name, but not in the MPD.
      after: (folder) => renameSync(join(folder, "t-2--1024.m4s"), join(folder, "t-2-0.m4s")),
      index,
    },
    "dash-number": {
      runs: [
        [
          ...dashRenditions(),
          ...dash,
          "-use_timeline",
          "0",
          ...named("n-$RepresentationID$-$Number%05d$.m4s"),
        ],
      ],
      index,
    },
    "dash-list": {
      runs: [
        [
          ...dashRenditions(),
          ...dash,
          "-use_template",
          "0",
          ...named("l-$RepresentationID$-$Number$.m4s"),
        ],
      ],
      index,
    },
    "dash-ranges": {
      runs: [[...dashRenditions(), ...dash, "-single_file", "1", "index.mpd"]],
      index,
    },
    "dash-base": {
      runs: [0, 1, 2].map((stream) => [
        ...[...onePicture(90), "-map", stream < 2 ? "0:v" : "1:a"],
        ...(stream < 2
          ? ["-s", stream === 0 ? "320x180" : "480x270", "-b:v", `${250 + 350 * stream}k`]
          : []),
        ...["-movflags", "cmaf+global_sidx", "-frag_duration", "2000000", `b${stream}.mp4`],
      ]),
      after: basePresentation,
      index,
    },
    "dash-periods": {
      runs: [
        [...onePicture(30), ...half("a")],
        [...onePicture(150), ...half("b")],
      ],
      after: twoPeriods,
      index,
    },
  };
}

/** Names of the fixtures that hls.js plays. */
export const playlists = Object.keys(recipes).filter((name) => !recipes[name]?.index);

/** Whether ffmpeg is here to make them. */
export const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;

/**
 * The folder of a fixture, made now if it is not there yet.
 * @param {string} name
 * @returns {string}
 */
export function fixture(name) {
  const recipe = recipes[name];
  if (!recipe) throw new Error(`no fixture ${name}`);
  const told = JSON.stringify({ ...recipe, after: recipe.after?.toString() });
  const hash = createHash("sha256").update(told).digest("hex").slice(0, 12);
  const index = recipe.index ?? "index.m3u8";
  const folder = join(root, "target", "fixtures", `${name}-${hash}`);
  if (existsSync(join(folder, index))) return folder;
  const work = `${folder}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  for (const [file, content] of Object.entries(recipe.files ?? {}))
    writeFileSync(join(work, file), content);
  for (const run of recipe.runs) {
    execFileSync("ffmpeg", ["-hide_banner", "-loglevel", "error", "-y", ...run], { cwd: work });
  }
  recipe.after?.(work);
  refuseRepeats(name, work);
  rmSync(folder, { recursive: true, force: true });
  renameSync(work, folder);
  return folder;
}

/** Joins a.m3u8 and b.m3u8 with a discontinuity. @param {string} folder */
function joinPlaylists(folder) {
  const [a, b] = ["a.m3u8", "b.m3u8"].map((file) =>
    readFileSync(join(folder, file), "utf8").trim().split("\n"),
  );
  if (!a || !b) throw new Error("two playlists were made");
  const from = b.findIndex((line) => line.startsWith("#EXTINF"));
  const joined = [
    ...a.filter((line) => line !== "#EXT-X-ENDLIST"),
    "#EXT-X-DISCONTINUITY",
    ...b.slice(from),
  ];
  writeFileSync(join(folder, "index.m3u8"), `${joined.join("\n")}\n`);
}

/**
 * Sharing a segment that repeats would pose as sharing more than there is.
 * @param {string} name
 * @param {string} folder
 */
export function refuseRepeats(name, folder) {
  const seen = new Map();
  for (const file of readdirSync(folder)) {
    if (!/\.(ts|m4s)$/.test(file) || file.includes("init")) continue;
    const hash = createHash("sha256")
      .update(readFileSync(join(folder, file)))
      .digest("hex");
    if (seen.has(hash)) throw new Error(`${name}: ${file} repeats ${seen.get(hash)}`);
    seen.set(hash, file);
  }
}
