// Translates the adapters: TypeScript to plain ES modules with one shared chunk, and their types.
// `cargo xtask build` runs it after the glue is written: node build.mjs OUT

import { execFileSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "dist");

// Chunks carry a hash in their name: those of the last build would stay for ever.
try {
  for (const name of readdirSync(out)) {
    if (/\.(js|map|d\.ts)$/.test(name)) rmSync(join(out, name));
  }
} catch (error) {
  if (error.code !== "ENOENT") throw error;
}

await build({
  absWorkingDir: here,
  entryPoints: ["index.ts", "hls.ts", "shaka.ts", "dash.ts", "engine.ts", "engine-hls.ts"],
  outdir: out,
  bundle: true,
  splitting: true,
  chunkNames: "shared-[hash]",
  format: "esm",
  target: "es2022",
  minify: true,
  sourcemap: true,
  sourcesContent: false,
  external: ["hls.js"],
  logLevel: "warning",
});

const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
execFileSync(process.execPath, [tsc, "-p", join(here, "tsconfig.json"), "--outDir", out], {
  stdio: "inherit",
});
