// Translates the adapters: TypeScript to plain ES modules with shared chunks, and their types; then the
// script-tag build, and the embed page with the players it may need beside it.
// `cargo xtask build` runs it after wasm and glue are written: node build.mjs OUT

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "dist");
const embed = join(out, "embed");
const require = createRequire(import.meta.url);

// Chunks carry a hash in their name: those of the last build would stay for ever.
rmSync(embed, { recursive: true, force: true });
mkdirSync(embed, { recursive: true });
for (const name of readdirSync(out)) {
  if (/\.(js|map|d\.ts)$/.test(name)) rmSync(join(out, name));
}

/** @type {import("esbuild").BuildOptions} */
const common = {
  absWorkingDir: here,
  bundle: true,
  target: "es2022",
  minify: true,
  sourcemap: true,
  loader: { ".wasm": "binary" },
  logLevel: "warning",
};

/** Loaded by pages that need them, under these names, which the script-tag build asks for, too. */
const lazy = ["./keys.js", "./diagnose.js", "./disk.js"];

await build({
  ...common,
  entryPoints: ["index.ts", "hls.ts", "shaka.ts", "dash.ts", "player.ts", "p2p-media-loader.ts"],
  outdir: out,
  splitting: true,
  chunkNames: "shared-[hash]",
  format: "esm",
  external: ["hls.js", "shaka-player", ...lazy],
});

// Apart: with the others, whatever they share with a page would be a chunk of its own, and small ones pack badly.
for (const entry of ["keys.ts", "diagnose.ts", "disk.ts"]) {
  await build({ ...common, entryPoints: [entry], outdir: out, format: "esm" });
}
// For measurements; not packed.
await build({ ...common, entryPoints: ["engine-hls.ts"], outdir: out, format: "esm" });

await build({
  ...common,
  entryPoints: ["global.ts"],
  outdir: out,
  format: "iife",
  define: { "import.meta.url": "scriptUrl" },
  inject: ["script-url.ts"],
  external: lazy,
});

// The embed stands alone: its folder may be copied to any static server.
await build({
  ...common,
  entryPoints: { embed: "embed.ts", player: "player-alone.ts" },
  outdir: embed,
  splitting: true,
  chunkNames: "[name]-[hash]",
  format: "esm",
  // Our own `sideEffects` names files of dist, and would drop what a source does when it is imported.
  ignoreAnnotations: true,
  sourcemap: false,
  legalComments: "none", // NOTICES.txt has the licences whole
  // Whoever plays HLS does so with hls.js, so Shaka is there for MPDs alone.
  alias: { "shaka-player": "shaka-player/dist/shaka-player.dash-es2021.js" },
});
for (const name of ["swarmline.wasm", "swarmline-dash.wasm"]) {
  copyFileSync(join(out, name), join(embed, name));
}
for (const name of ["embed.html", "embed.css"]) copyFileSync(join(here, name), join(embed, name));
copyFileSync(require.resolve("hls.js/dist/hls.worker.js"), join(embed, "hls.worker.js"));
copyFileSync(join(here, "..", "LICENSE-APACHE"), join(embed, "LICENSE-APACHE"));
writeFileSync(join(embed, "NOTICES.txt"), ["hls.js", "shaka-player"].map(notice).join("\n\n"));
for (const name of ["LICENSE-MIT", "LICENSE-APACHE"]) {
  copyFileSync(join(here, "..", name), join(out, name));
}

/** What a player's licence wants to be said with its code. */
function notice(name) {
  const manifest = require.resolve(`${name}/package.json`);
  const { version, license } = JSON.parse(readFileSync(manifest, "utf8"));
  const text = readFileSync(join(dirname(manifest), "LICENSE"), "utf8");
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}

const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
execFileSync(process.execPath, [tsc, "-p", join(here, "tsconfig.json"), "--outDir", out], {
  stdio: "inherit",
});
writeFileSync(
  join(out, "engine.wasm.d.ts"),
  "/** Where a bundler's file loader put the engine's module: for `createSwarm({ wasm })`. */\ndeclare const url: string;\nexport default url;\n",
);
