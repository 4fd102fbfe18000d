// @ts-check
// MPDs that ffmpeg does not write: files with an index of their own (`sidx`), two periods, and live ones made of
// a finished stream's segments. Written by hand, for the fixtures and the tests; knows nothing of our reader.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const head =
  'xmlns="urn:mpeg:dash:schema:mpd:2011" minBufferTime="PT2S" profiles="urn:mpeg:dash:profile:full:2011"';

/** Where the top boxes of a file stand. @param {Buffer} bytes */
function boxes(bytes) {
  const found = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at) || bytes.length - at;
    found.push({ name: bytes.toString("latin1", at + 4, at + 8), start: at, end: at + size });
    at += size;
  }
  return found;
}

/** b0.mp4 and b1.mp4 (picture) and b2.mp4 (sound), each with its index. @param {string} folder */
export function basePresentation(folder) {
  const representation = (/** @type {number} */ stream, /** @type {string} */ about) => {
    const found = boxes(readFileSync(join(folder, `b${stream}.mp4`)));
    const sidx = found.find(({ name }) => name === "sidx");
    const moov = found.find(({ name }) => name === "moov");
    if (!sidx || !moov) throw new Error(`b${stream}.mp4 has no index`);
    return `<Representation id="${stream}" ${about}><BaseURL>b${stream}.mp4</BaseURL>
      <SegmentBase indexRange="${sidx.start}-${sidx.end - 1}"><Initialization range="0-${moov.end - 1}"/></SegmentBase>
    </Representation>`;
  };
  const video = 'mimeType="video/mp4" codecs="avc1.42c01e"';
  const text = `<MPD ${head} type="static" mediaPresentationDuration="PT24S"><Period id="0">
  <AdaptationSet id="0" contentType="video" subsegmentAlignment="true">
    ${representation(0, `${video} bandwidth="300000" width="320" height="180"`)}
    ${representation(1, `${video} bandwidth="700000" width="480" height="270"`)}
  </AdaptationSet>
  <AdaptationSet id="1" contentType="audio">
    ${representation(2, 'mimeType="audio/mp4" codecs="mp4a.40.2" bandwidth="48000" audioSamplingRate="48000"')}
  </AdaptationSet>
</Period></MPD>
`;
  writeFileSync(join(folder, "index.mpd"), text);
}

/** The one period of an MPD. @param {string} text */
const periodOf = (text) => /<Period[^>]*>([\s\S]*)<\/Period>/.exec(text)?.[1] ?? "";

/** a.mpd, then b.mpd, twelve seconds each. @param {string} folder */
export function twoPeriods(folder) {
  const [a, b] = ["a", "b"].map((name) =>
    periodOf(readFileSync(join(folder, `${name}.mpd`), "utf8")),
  );
  const text = `<MPD ${head} type="static" mediaPresentationDuration="PT24S">
<Period id="one" start="PT0S" duration="PT12S">${a}</Period>
<Period id="two" start="PT12S" duration="PT12S">${b}</Period>
</MPD>
`;
  writeFileSync(join(folder, "index.mpd"), text);
}

/**
 * A finished stream as if it were made just now: what `startedMs` (since 1970) tells is there is there.
 * @param {string} folder a fixture whose MPD has a period of templates
 * @param {string} base where its files are
 * @param {number} startedMs
 * @param {number} [delaySeconds] how far behind players are asked to stay
 */
export function liveOf(folder, base, startedMs, delaySeconds = 6) {
  const period = periodOf(readFileSync(join(folder, "index.mpd"), "utf8"));
  const since = new Date(startedMs).toISOString();
  return `<MPD ${head} type="dynamic" availabilityStartTime="${since}" publishTime="${since}"
  minimumUpdatePeriod="PT2S" timeShiftBufferDepth="PT60S" suggestedPresentationDelay="PT${delaySeconds}S">
<BaseURL>${base}</BaseURL><Period id="0" start="PT0S">${period}</Period></MPD>
`;
}

/**
 * The same with the segments listed that are whole by now, as a packager writes it that lists them.
 * @param {string} folder
 * @param {string} base
 * @param {number} startedMs
 * @param {number} [delaySeconds]
 */
export function listedOf(folder, base, startedMs, delaySeconds) {
  const elapsedS = (Date.now() - startedMs) / 1_000;
  const text = liveOf(folder, base, startedMs, delaySeconds);
  const published = `publishTime="${new Date().toISOString()}"`;
  const lists = /timescale="(\d+)"([^>]*)>\s*<SegmentTimeline>([\s\S]*?)<\/SegmentTimeline>/g;
  const cut = text.replace(lists, (_, timescale, more, lines) => {
    let [time, kept] = [0, ""];
    for (const [, d, r] of lines.matchAll(/<S (?:t="\d+" )?d="(\d+)"(?: r="(\d+)")?/g)) {
      for (let n = 0; n <= Number(r ?? 0); n += 1) {
        const end = time + Number(d);
        if (end / Number(timescale) <= elapsedS) kept += `<S t="${time}" d="${d}"/>`;
        time = end;
      }
    }
    return `timescale="${timescale}"${more}><SegmentTimeline>${kept}</SegmentTimeline>`;
  });
  return cut.replace(/publishTime="[^"]*"/, published);
}
