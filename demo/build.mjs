// @ts-check
/**
 * Writes `dist/`: the pages, a script each, and hls.js beside them. swarmline itself is not bundled:
 * the page imports the built package through an import map, as a page without a bundler would.
 */
import { copyFile, mkdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const hls = dirname(createRequire(import.meta.url).resolve("hls.js/package.json"));

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: ["src/main.ts", "src/embed.ts"],
  outdir: "dist",
  bundle: true,
  format: "esm",
  target: "es2022",
  external: ["swarmline", "swarmline/hls"],
  minify: true,
  sourcemap: true,
  logLevel: "warning",
});
// The UMD build: only that one starts its worker without further settings.
await copyFile(join(hls, "dist", "hls.min.js"), join(dist, "hls.min.js"));
for (const name of ["index.html", "embed.html", "style.css", "picture.css", "embed.css"]) {
  await copyFile(join(here, "src", name), join(dist, name));
}
