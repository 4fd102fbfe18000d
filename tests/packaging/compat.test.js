// `swarmline/p2p-media-loader` in place of p2p-media-loader-hlsjs 2.3: the snippets of its own documentation
// run with nothing changed but the import, its types are met, and two pages that were written for it share.
// Its packages are installed for their documentation and types alone, without their tracker client
// (`overrides`), and never run.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import * as esbuild from "esbuild";
import { fixture, hasFfmpeg } from "../browser/fixtures.js";
import { browserFlags, Origin, startBrowser } from "../browser/harness.js";
import { app, pack, unpacked, work } from "./packed.js";

const skip = hasFfmpeg ? false : "no ffmpeg to make the fixture";
const require = createRequire(import.meta.url);
const installed = join(import.meta.dirname, "node_modules");
const theirs = join(installed, "p2p-media-loader-hlsjs", "lib");

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;

/** The snippets in a declaration's documentation: what stands between `@example` and the next tag. */
function examples(file) {
  const lines = readFileSync(join(theirs, file), "utf8").split("\n");
  const found = [];
  let open = null;
  for (const line of lines) {
    const text = /^\s*\* ?(.*)$/.exec(line)?.[1];
    if (text === undefined || text === "/" || text.startsWith("@")) open = null;
    if (text?.startsWith("@example")) {
      open = [];
      found.push(open);
    } else if (open) open.push(text);
  }
  return found.map((lines) => lines.join("\n").trim());
}

before(async () => {
  pack();
  // esbuild does not follow `new URL`: the module is served beside the bundle.
  mkdirSync(join(work, "compat"));
  cpSync(join(unpacked, "dist", "swarmline.wasm"), join(work, "compat", "swarmline.wasm"));
  if (skip) return;
  origin = await Origin.start({ "/media/ts": fixture("ts"), "/pages": join(work, "compat") });
  // Their defaults name public trackers: nobody outside is to hear of a test.
  const nobody = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1";
  browser = await startBrowser([...browserFlags, nobody]);
});

after(async () => {
  await browser?.close();
  await origin?.stop();
});

/** Bundles a page's script; its address. */
async function page(name, entry) {
  await esbuild.build({
    absWorkingDir: app,
    entryPoints: { [name]: entry },
    outdir: join(work, "compat"),
    bundle: true,
    format: "esm",
    logLevel: "error",
  });
  writeFileSync(
    join(work, "compat", `${name}.html`),
    `<!doctype html><link rel="icon" href="data:,"><body><script type="module" src="${name}.js"></script>`,
  );
  const words = { src: origin.at("/media/ts/index.m3u8"), tracker: origin.trackerUrl };
  return origin.at(`/pages/${name}.html?${new URLSearchParams(words)}`);
}

const imports = `
  import Hls from "hls.js";
  import { HlsJsP2PEngine } from "swarmline/p2p-media-loader";
`;

test("the documented mixin runs unchanged but for the import", {
  skip,
  timeout: 60_000,
}, async () => {
  const snippet = examples("engine.d.ts").find((one) => one.includes("injectMixin"));
  assert.ok(snippet?.includes("onHlsJsCreated"), "the snippet is the documentation's");
  const play = `
    const video = document.body.appendChild(document.createElement("video"));
    hls.attachMedia(video);
    hls.loadSource(new URLSearchParams(location.search).get("src"));
    globalThis.seen = { hls, video, isEngine: hls.p2pEngine instanceof HlsJsP2PEngine, isHls: hls instanceof Hls };
  `;
  writeFileSync(join(app, "mixin.js"), imports + snippet + play);
  const opened = await browser.newPage();
  await opened.goto(await page("mixin", "./mixin.js"));
  await opened.waitForFunction(() => globalThis.seen?.video.buffered.length > 0);
  const seen = await opened.evaluate(() => {
    const { isEngine, isHls, hls } = globalThis.seen;
    hls.destroy();
    return { isEngine, isHls, startLevel: hls.config.startLevel };
  });
  assert.deepEqual(seen, { isEngine: true, isHls: true, startLevel: 0 });
  await opened.close();
});

test("the documented options and listeners run unchanged but for the import", {
  skip,
  timeout: 60_000,
}, async () => {
  const all = examples("engine.d.ts");
  const made = all.find((one) => one.includes("new HlsJsP2PEngine("));
  const listeners = all.filter((one) => one.includes("p2pEngine.addEventListener"));
  assert.ok(made && listeners.length === 3, "the snippets are the documentation's");
  const play = `
    const p2pEngine = hlsP2PEngine;
    ${listeners.join("\n")}
    hlsP2PEngine.applyDynamicConfig({ core: { httpDownloadTimeWindow: 3000, isP2PDisabled: false } });
    let hls; // found when it is there, as behind a wrapper that makes it
    hlsP2PEngine.bindHls(() => hls);
    hls = new Hls({ ...hlsP2PEngine.getConfigForHlsJs() });
    const video = document.body.appendChild(document.createElement("video"));
    hls.attachMedia(video);
    hls.loadSource(new URLSearchParams(location.search).get("src"));
    globalThis.seen = { video };
  `;
  writeFileSync(join(app, "options.js"), imports + made + play);
  const opened = await browser.newPage();
  const said = [];
  opened.on("console", (message) => said.push(message.text()));
  await opened.goto(await page("options", "./options.js"));
  await opened.waitForFunction(() => globalThis.seen?.video.buffered.length > 0);
  await opened.waitForFunction(() => globalThis.seen.video.buffered.end(0) > 5);
  assert.ok(
    said.some((line) => /^Segment Loaded:/.test(line)),
    said.join("\n"),
  );
  assert.ok(said.some((line) => /^Downloaded \d+ bytes from http from server/.test(line)));
  await opened.close();
});

test("two pages that were written for it share", { skip, timeout: 60_000 }, async () => {
  const address = await page("shared", "./compat.js");
  const whole = () =>
    globalThis.seen?.video.buffered.length > 0 && globalThis.seen.video.buffered.end(0) > 23;
  const pages = [];
  for (let at = 0; at < 2; at += 1) {
    const opened = await (await browser.newContext()).newPage();
    pages.push(opened);
    await opened.goto(address);
    await opened.waitForFunction(whole);
  }
  const [first, second] = await Promise.all(
    pages.map((opened) => opened.evaluate(() => ({ ...globalThis.seen, video: null }))),
  );
  assert.ok(
    second.p2p > second.http,
    `${second.p2p} bytes from peers, ${second.http} from the CDN`,
  );
  assert.ok(second.connected > 0 && first.uploaded > 0);
  const told = second.loaded.reduce((sum, { bytesLength }) => sum + bytesLength, 0);
  assert.equal(second.p2p + second.http, told, "chunks and segments are the same bytes");
  assert.ok(second.loaded.some(({ downloadSource }) => downloadSource === "p2p"));
  await Promise.all(pages.map((opened) => opened.context().close()));
});

test("every option and event of its types is one of ours", () => {
  const file = join(app, "compat-types.ts");
  writeFileSync(
    file,
    `import type Hls from "hls.js";
     import type { CoreConfig, CoreEventMap } from "p2p-media-loader-core";
     import { HlsJsP2PEngine, type CompatCoreConfig, type CompatEvents } from "swarmline/p2p-media-loader";
     declare const config: Partial<CoreConfig>;
     export const taken: CompatCoreConfig = config;
     type Missing = Exclude<keyof CoreEventMap, keyof CompatEvents>;
     export const none: [Missing] extends [never] ? true : Missing = true;
     declare const Player: typeof Hls;
     declare const loaded: CoreEventMap["onSegmentLoaded"];
     declare const chunk: CoreEventMap["onChunkDownloaded"];
     const made = new (HlsJsP2PEngine.injectMixin(Player))({ startLevel: 0, p2p: { core: config } });
     made.p2pEngine.addEventListener("onSegmentLoaded", loaded);
     made.p2pEngine.addEventListener("onChunkDownloaded", chunk);
     made.loadSource("x");`,
  );
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc");
  writeFileSync(
    join(app, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        ...{ strict: true, noEmit: true, skipLibCheck: true, target: "es2022", types: [] },
        ...{
          module: "esnext",
          moduleResolution: "bundler",
          lib: ["es2022", "esnext.disposable", "dom"],
        },
        paths: { "p2p-media-loader-*": [join(installed, "p2p-media-loader-*")] },
      },
      files: ["compat-types.ts"],
    }),
  );
  execFileSync(process.execPath, [tsc, "-p", app], { encoding: "utf8" });
});
