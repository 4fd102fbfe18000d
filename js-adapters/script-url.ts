/**
 * Where the script-tag build was loaded from. `build.mjs` puts it in the place of `import.meta.url`, which
 * a classic script has not got; no module build contains it.
 *
 * Invariant: read while the script runs, because later nobody knows any more.
 */

const script = typeof document === "undefined" ? null : document.currentScript;

/** The script's own address; the page's where the browser does not tell. */
export const scriptUrl: string =
  script !== null && "src" in script && script.src !== ""
    ? script.src
    : typeof document === "undefined"
      ? "about:blank"
      : document.baseURI;
