// Signed playlists read by hls.js's own parser, as the unsigned ones are: what it makes of a text must
// not depend on our lines. The signed texts are held to `swarmline sign` by tests/publish/corpus.rs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

globalThis.self ??= globalThis;
globalThis.location ??= { href: "http://page.test/" };

const folder = new URL("../../tests/fixtures/hls/", import.meta.url);
const signed = JSON.parse(readFileSync(new URL("signed.json", folder), "utf8"));
const base = "https://cdn.test/live/v.m3u8";

/** What hls.js makes of a text, less the text itself and its list of our own lines. */
function read({ M3U8Parser }, text) {
  if (!M3U8Parser.isMediaPlaylist(text)) {
    const master = M3U8Parser.parseMasterPlaylist(text, base);
    const refused = master.playlistParsingError; // a BOM, by 1.6: XHR takes it off before
    if (refused) return { refused: refused.message };
    const media = M3U8Parser.parseMasterPlaylistMedia(text, base, master);
    return { master: { ...master, contentSteering: undefined }, media };
  }
  const details = M3U8Parser.parseLevelPlaylist(text, base, 0, "main", 0, null);
  details.m3u8 = "";
  const fragments = [...details.fragments, details.fragmentHint].filter(Boolean);
  const maps = new Set(fragments.map((fragment) => fragment.initSegment).filter(Boolean));
  for (const fragment of [...fragments, ...maps]) {
    fragment.tagList = fragment.tagList.filter(([tag]) => !isOurs(tag));
  }
  return details;
}

const isOurs = (tag) => /^EXT-X-SWARMLINE-(DIGEST|SIDECAR)\b/.test(tag);

for (const name of ["hls.js", "hls.js-1.6"]) {
  const player = await import(name);
  const version = player.default.version;
  for (const [playlist, texts] of Object.entries(signed)) {
    test(`${name} ${version} reads ${playlist} as before`, () => {
      const plain = readFileSync(new URL(`${playlist}.m3u8`, folder), "utf8");
      // Parsed anew for each: fragments fill in what is read of them, and comparing reads.
      assert.deepEqual(read(player, texts.lines), read(player, plain));
      assert.deepEqual(read(player, texts.sidecar), read(player, plain));
    });
  }

  test(`${name} ${version} would show a difference`, () => {
    const plain = readFileSync(new URL("plain-vod.m3u8", folder), "utf8");
    assert.equal(read(player, plain).fragments.length, 4);
    for (const other of [
      ["seg2.ts", "seg3.ts"],
      ["#EXTINF:4.000", "#EXTINF:3.000"],
    ]) {
      assert.notDeepEqual(read(player, plain.replace(...other)), read(player, plain));
    }
    assert.deepEqual(read(player, plain), read(player, plain));
  });
}
