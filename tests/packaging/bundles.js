// The packed page through bundlers, each as its own documentation begins, and nothing set but what
// docs/guides/bundlers.md says. Each returns the folder that a web server would serve.

import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as esbuild from "esbuild";
import * as vite from "vite";
import webpack from "webpack";
import { root } from "../browser/fixtures.js";
import { app, work } from "./packed.js";

/** `vite build`. */
export async function withVite() {
  const outDir = join(work, "vite");
  const input = ["index.html", "element.html"].map((name) => join(app, name));
  await vite.build({
    root: app,
    base: "./",
    logLevel: "error",
    build: { outDir, emptyOutDir: true, rolldownOptions: { input } },
  });
  return outDir;
}

/** The page that Vite built under two policies: docs/guides/csp.md's, and the same without its wasm. */
export function withPolicies() {
  const outDir = join(work, "csp");
  cpSync(join(work, "vite"), outDir, { recursive: true });
  const html = readFileSync(join(outDir, "index.html"), "utf8");
  const guide = readFileSync(join(root, "docs", "guides", "csp.md"), "utf8");
  const policy = /^default-src[^`]*$/m.exec(guide)?.[0].replaceAll(/\s+/g, " ").trim();
  if (!policy?.includes("'wasm-unsafe-eval'")) throw new Error("docs/guides/csp.md has no policy");
  // The page's media and tracker are on its own host, under any port.
  const here = policy.replaceAll(/(https|wss):\/\/[\w.]+/g, (_all, scheme) =>
    scheme === "wss" ? "ws://127.0.0.1:*" : "http://127.0.0.1:*",
  );
  const without = here.replace(" 'wasm-unsafe-eval'", "");
  for (const [name, content] of Object.entries({ with: here, without })) {
    const meta = `<head><meta http-equiv="Content-Security-Policy" content="${content}">`;
    writeFileSync(join(outDir, `${name}.html`), html.replace("<head>", meta));
  }
  return outDir;
}

/** `vite dev`, on a free port; the caller closes it. */
export async function viteServer() {
  const server = await vite.createServer({
    root: app,
    logLevel: "warn",
    cacheDir: join(work, "vite-cache"),
    optimizeDeps: { exclude: ["swarmline"] },
    server: { host: "127.0.0.1", port: 0, fs: { strict: false } },
  });
  await server.listen();
  return server;
}

/** webpack, in production mode; not minified, for hls.js alone would take ten seconds. */
export async function withWebpack() {
  const outDir = join(work, "webpack");
  const compiler = webpack({
    mode: "production",
    context: app,
    entry: "./main.js",
    output: { path: outDir, filename: "main.js" },
    optimization: { minimize: false },
    performance: { hints: false },
  });
  const stats = await new Promise((resolve, reject) =>
    compiler.run((error, told) => (error ? reject(error) : resolve(told))),
  );
  await new Promise((resolve) => compiler.close(resolve));
  if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString());
  // webpack's script is a classic one: it finds its files beside itself.
  const html = readFileSync(join(app, "index.html"), "utf8").replace('type="module"', "defer");
  writeFileSync(join(outDir, "index.html"), html);
  return outDir;
}

/** esbuild, which leaves `new URL` alone: the module by its `file` loader. */
export async function withEsbuild() {
  const outdir = join(work, "esbuild");
  await esbuild.build({
    absWorkingDir: app,
    entryPoints: { main: "./main-url.js" },
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    minify: true,
    loader: { ".wasm": "file" },
    logLevel: "warning",
  });
  cpSync(join(app, "index.html"), join(outdir, "index.html"));
  return outdir;
}

/** `next build`: the page is rendered on the server, then exported. React is looked for from the page, where a page has it. */
export function withNext() {
  const require = createRequire(import.meta.url);
  const folderOf = (name) => dirname(require.resolve(`${name}/package.json`));
  for (const name of ["next", "react", "react-dom"]) {
    symlinkSync(folderOf(name), join(app, "node_modules", name));
  }
  const cwd = join(app, "next");
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
  execFileSync(process.execPath, [join(folderOf("next"), "dist/bin/next"), "build"], {
    ...{ cwd, env, stdio: ["ignore", "ignore", "inherit"] },
  });
  return join(cwd, "out");
}
