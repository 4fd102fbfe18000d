// The code in README, the package's README and the guides works as it stands: scripts are held to the packed types,
// every script and every piece of markup plays the demo's stream in Chromium through a running engine, commands
// name what our binary and registry know. No block is left out: one of a kind that nothing here knows is a failure.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import * as esbuild from "esbuild";
import { fixture, hasFfmpeg, root } from "../browser/fixtures.js";
import { binary, browserFlags, hlsFolder, Origin, startBrowser } from "../browser/harness.js";
import { blocks, blockWith, placed } from "./blocks.js";
import { app, manifest, pack, unpacked, work } from "./packed.js";

const skip = hasFfmpeg ? false : "no ffmpeg to make the DASH fixture";
const require = createRequire(import.meta.url);
const limits = { timeout: 90_000 };

/** @type {Origin} */
let origin;
/** @type {import("playwright-core").Browser} */
let browser;
/** Example → address here. @type {Record<string, string>} */
let addresses = {};

before(async () => {
  pack();
  mkdirSync(join(work, "snippets"));
  for (const name of ["swarmline.wasm", "swarmline-dash.wasm"]) {
    cpSync(join(unpacked, "dist", name), join(work, "snippets", name));
  }
  origin = await Origin.start({
    "/media/demo": join(root, "demo", "media"),
    ...(skip ? {} : { "/media/dash": fixture("dash-time") }),
    "/pages": join(work, "snippets"),
    "/package": unpacked,
    "/hls": hlsFolder,
  });
  addresses = {
    "https://cdn.example/stream.m3u8": origin.at("/media/demo/master.m3u8"),
    "https://cdn.example/manifest.mpd": origin.at("/media/dash/index.mpd"),
    "https://you.example/swarmline/embed/": origin.at("/package/dist/embed/"),
    "https://you.example": origin.url,
    "wss://tracker.example": origin.trackerUrl,
    '"/swarmline/embed/': '"/package/dist/embed/',
    '"/swarmline/global.js': '"/package/dist/global.js',
    '"/hls.js/': '"/hls/',
  };
  // Where a snippet names no STUN servers the field's are asked: nobody outside is to hear of a test.
  const nobody = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1";
  browser = await startBrowser([...browserFlags, nobody]);
});

after(async () => {
  await browser?.close();
  await origin?.stop();
});

/** A page with this in its body; what it says on the console. @param {string} name @param {string} body */
async function open(name, body) {
  const head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>A reader</title>';
  writeFileSync(
    join(work, "snippets", `${name}.html`),
    `${head}<link rel="icon" href="data:,">${body}`,
  );
  const page = await (await browser.newContext()).newPage();
  /** @type {string[]} */
  const said = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(`uncaught: ${error.message}`));
  await page.goto(origin.at(`/pages/${name}.html`));
  return { page, said };
}

/**
 * Waits until the page's engine runs and something is buffered.
 * @param {{ page: import("playwright-core").Page, said: string[] }} opened
 * @param {() => boolean} plays
 */
async function reach({ page, said }, plays) {
  await page.waitForFunction(plays, undefined, { timeout: 45_000 }).catch((error) => {
    throw new Error(`${error.message}\n${said.join("\n")}`);
  });
  assert.deepEqual(
    said.filter((line) => line.startsWith("uncaught")),
    [],
  );
}

/** What a script's own page has: a video, and a hand for the test. @param {string} code */
const inPage = (code) => `
  const video = document.body.appendChild(document.createElement("video"));
  video.muted = true;
  ${code}
  globalThis.seen = { swarm, video };
`;

/** Bundles a script as the guide for esbuild says, with the modules beside it. @param {string} name @param {string} code */
async function bundled(name, code) {
  writeFileSync(join(app, `${name}.js`), placed(code, addresses));
  await esbuild.build({
    absWorkingDir: app,
    entryPoints: { [name]: `./${name}.js` },
    outdir: join(work, "snippets"),
    ...{ bundle: true, splitting: true, format: "esm", logLevel: "error" },
    loader: { ".wasm": "file" },
  });
  return `<body><script type="module" src="${name}.js"></script>`;
}

const scriptPlays = () =>
  globalThis.seen?.swarm.stats().state === "running" && globalThis.seen.video.buffered.length > 0;
const elementPlays = () => {
  const player = document.querySelector("swarmline-player");
  return player?.stats?.()?.state === "running" && player.video.buffered.length > 0;
};

const [guide, ours] = [(name) => `docs/guides/${name}.md`, "js-adapters/README.md"];

for (const [name, file, words, isDash] of [
  ["readme", "README.md", "attachHls"],
  ["package-hls", ours, "attachHls"],
  ["package-shaka", ours, "attachShaka"],
  ["package-dash", ours, "attachDash", true],
  ["hls", guide("hls"), "attachHls"],
  ["shaka", guide("shaka"), "attachShaka"],
  ["dash", guide("dash"), "attachDash", true],
]) {
  test(`${file}: ${words} plays`, { ...limits, skip: isDash && skip }, async () => {
    const opened = await open(name, await bundled(name, inPage(blockWith(file, words))));
    await reach(opened, scriptPlays);
    await opened.page.context().close();
  });
}

test("what the guide for no peers says is told on the console", limits, async () => {
  const asks = ["diagnose()", 'swarm.on("stats"'].map((words) =>
    blockWith(guide("no-peers"), words),
  );
  const code = inPage([blockWith(guide("hls"), "attachHls"), ...asks].join("\n"));
  const opened = await open("no-peers", await bundled("no-peers", code));
  await reach(opened, scriptPlays);
  await opened.page.waitForFunction(() => globalThis.seen.video.buffered.length > 0);
  const isTold = (wanted) => opened.said.some((line) => wanted.test(line));
  for (let look = 0; look < 100 && !isTold(/^running 1 /); look += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(isTold(/^running 1 /), opened.said.join("\n"));
  assert.ok(isTold(/^candidates /m), `the report: ${opened.said.join("\n")}`);
  await opened.page.context().close();
});

test("the module by hand, as the guide for bundlers has it", limits, async () => {
  const [before, after] = blockWith(guide("hls"), "attachHls").split(/^const swarm = .*$/m);
  const given = blockWith(guide("bundlers"), "swarmline/engine.wasm");
  const opened = await open("by-hand", await bundled("by-hand", inPage(before + given + after)));
  await reach(opened, scriptPlays);
  await opened.page.context().close();
});

test("script tags", limits, async () => {
  const tags = blockWith(guide("bundlers"), "<script src");
  // What follows `new Hls()` is the page's own, as in the other guides.
  const more = `<body><video muted></video>${placed(tags, addresses)}<script>
    const video = document.querySelector("video");
    const create = Swarmline.createSwarm;
    hls.loadSource("${addresses["https://cdn.example/stream.m3u8"]}");
    hls.attachMedia(video);
  </script>`;
  const opened = await open("tags", more);
  await reach(opened, () => document.querySelector("video").buffered.length > 0);
  // The module comes behind the first frame.
  await reach(opened, () => {
    const files = performance.getEntriesByType("resource");
    return files.some(({ name }) => name.endsWith("/swarmline.wasm"));
  });
  await opened.page.context().close();
});

for (const [name, file, words] of [
  ["element-readme", "README.md", "<swarmline-player"],
  ["element-guide", guide("player"), "<track"],
]) {
  test(`${file}: the element, served as a folder`, limits, async () => {
    const script = blockWith(guide("player"), '<script type="module"');
    const opened = await open(name, placed(`<body>${script}${blockWith(file, words)}`, addresses));
    await reach(opened, elementPlays);
    await opened.page.context().close();
  });
}

test("the element, imported", limits, async () => {
  const script = await bundled("element", blockWith(guide("player"), 'import "swarmline/player"'));
  const markup = placed(blockWith(guide("player"), "<track"), addresses);
  const opened = await open("element", script + markup);
  await reach(opened, elementPlays);
  await opened.page.context().close();
});

test("the embed page in its iframe, and what is said to it", limits, async () => {
  const markup = placed(blockWith(guide("player"), "<iframe"), addresses);
  const said = placed(blockWith(guide("player"), "postMessage"), addresses);
  const show = "globalThis.shown = []; const show = (value) => shown.push(value);";
  const opened = await open(
    "frame",
    `<body>${markup}<script type="module">${show}${said}</script>`,
  );
  await reach(opened, () => globalThis.shown?.length > 0);
  await reach({ ...opened, page: opened.page.frames()[1] }, elementPlays);
  await opened.page.context().close();
});

test("what an owner writes into a copy of the embed page is there to be written", () => {
  const page = readFileSync(join(unpacked, "dist", "embed", "embed.html"), "utf8");
  for (const [, name] of blockWith(guide("player"), "<meta").matchAll(/name="([^"]+)"/g)) {
    assert.ok(page.includes(`<meta name="${name}" content="">`), name);
  }
});

test("every script is right to the packed types", () => {
  const scripts = blocks().filter(({ language }) => language === "js");
  const inner = `const inner: import("swarmline/shaka").InnerPlugin =
    { plugin: shaka.net.HttpFetchPlugin.parse, progressSupport: true };
    attachShaka(swarm, player, shaka, { inner });`;
  const files = scripts.map(({ file, line, code }, at) => {
    const name = `types-${at}.ts`;
    const more = code.includes("shaka-player") ? inner : "";
    writeFileSync(join(app, name), `// ${file}:${line}\nexport {};\n${code}\n${more}`);
    return name;
  });
  // What a page has of its own.
  writeFileSync(
    join(app, "page.d.ts"),
    `declare const video: HTMLVideoElement;
     declare const swarm: import("swarmline").Swarm;
     declare const createSwarm: typeof import("swarmline").createSwarm;
     declare function show(value: unknown): void;`,
  );
  const lib = ["es2022", "esnext.disposable", "dom", "dom.iterable"];
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc");
  const at = (name) => [dirname(require.resolve(`${name}/package.json`))];
  // A page has one version of its player, under the player's own name.
  for (const paths of [
    {},
    { "hls.js": at("hls.js-1.6") },
    { "hls.js": at("hls.js-1.5"), "shaka-player": at("shaka-player-4.16") },
  ]) {
    const project = {
      compilerOptions: {
        ...{ strict: true, noEmit: true, skipLibCheck: true, target: "es2022", types: [], lib },
        ...{ module: "esnext", moduleResolution: "bundler", esModuleInterop: true, paths },
      },
      files: ["page.d.ts", ...files],
    };
    writeFileSync(join(app, "tsconfig.json"), JSON.stringify(project));
    try {
      execFileSync(process.execPath, [tsc, "-p", app], { encoding: "utf8" });
    } catch (error) {
      assert.fail(`${JSON.stringify(paths)}\n${error.stdout}`);
    }
  }
});

test("every command is one that there is", () => {
  const lines = blocks()
    .filter(({ language }) => language === "sh")
    .flatMap(({ code }) => code.split(/\n|&&/));
  const peers = Object.keys(manifest().peerDependencies);
  const cargo = readFileSync(join(root, "xtask", "src", "main.rs"), "utf8");
  let known = 0;
  for (const line of lines) {
    const [tool, verb, ...words] = line.split("#")[0].trim().split(/\s+/);
    known += 1;
    if (tool === "swarmline") {
      const help = execFileSync(binary(), [verb, "--help"], { encoding: "utf8" });
      for (const word of words.filter((one) => one.startsWith("--"))) {
        assert.match(help, new RegExp(`${word}\\b`), line);
      }
    } else if (tool === "cargo") assert.match(cargo, new RegExp(`\\b${words[0]}\\b`, "i"), line);
    else if (verb === "install") {
      for (const word of words) assert.ok([...peers, "swarmline"].includes(word), line);
    } else assert.match(line, /^npm uninstall p2p-media-loader/);
  }
  assert.ok(known >= 10, `${known} commands`);
});

test("no block is of a kind that nobody tries", () => {
  // The policy of csp.md and the change of p2p-media-loader.md have tests of their own.
  const elsewhere = { "docs/guides/csp.md": [""], "docs/guides/p2p-media-loader.md": ["diff"] };
  for (const { file, line, language } of blocks()) {
    const isKnown = ["js", "html", "sh", ...(elsewhere[file] ?? [])].includes(language);
    assert.ok(isKnown, `${file}:${line}: «${language}»`);
  }
  const count = (language) => blocks().filter((block) => block.language === language).length;
  assert.deepEqual([count("js"), count("html")], [12, 6], "a new block wants a test above");
});
