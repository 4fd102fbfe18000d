// One of our sources by itself, for what needs no page around it.

import { build } from "esbuild";

/** One source file, translated. */
export async function source(name) {
  const { outputFiles } = await build({
    entryPoints: [new URL(`../${name}.ts`, import.meta.url).pathname],
    bundle: true,
    format: "esm",
    write: false,
  });
  const text = Buffer.from(outputFiles[0].contents).toString("base64");
  return import(`data:text/javascript;base64,${text}`);
}
