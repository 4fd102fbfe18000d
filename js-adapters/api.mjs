// docs/api.md from the declarations that the compiler wrote into `dist`: every entry of the package and all that a
// page may name of it, each with its comment. A test holds the page to it; `npm run api --workspace js-adapters`
// writes it anew.
//
// Invariant: what is exported and cannot be found here is an error, so nothing is left out in silence.

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const page = join(here, "..", "docs", "api.md");

/** A declaration of a file: its name, what stands before it, and its text. @typedef {{ name: string, comment: string, text: string }} Declaration */

/** The entries that have types: name as a page imports it → file. */
function entries() {
  const { exports } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
  return Object.entries(exports).flatMap(([path, { types }]) =>
    types === undefined || path.endsWith(".wasm") ? [] : [[path.replace(".", "swarmline"), types]],
  );
}

/** Statements of a declaration file, each from its comment to its end. @param {string} text */
function statementsOf(text) {
  const statements = [];
  const lines = [];
  let depth = 0;
  let inComment = false;
  for (const line of text.split("\n")) {
    if (line === "" && lines.length === 0) continue;
    lines.push(line);
    const trimmed = line.trim();
    inComment ||= trimmed.startsWith("/**");
    if (inComment) {
      if (trimmed.endsWith("*/")) inComment = false;
      continue;
    }
    depth += (line.match(/[{(]/g) ?? []).length - (line.match(/[})]/g) ?? []).length;
    if (depth === 0) statements.push(lines.splice(0).join("\n"));
  }
  return statements;
}

/** @param {string} statement @returns {Declaration | undefined} */
function declarationOf(statement) {
  const comments = statement.match(/^(?:\/\*\*[\s\S]*?\*\/\n)*/)?.[0] ?? "";
  const text = statement.slice(comments.length);
  const name =
    /^export (?:declare )?(?:abstract )?(?:function|class|interface|type|const) (\w+)/.exec(text);
  if (name?.[1] === undefined) return undefined;
  // Where two stand in a row the first is the file's.
  const comment = comments.slice(comments.lastIndexOf("/**"));
  return { name: name[1], comment: proseOf(comment), text: withoutPrivate(text) };
}

/** @param {string} comment */
const proseOf = (comment) =>
  comment
    .replaceAll(/^\s*\/\*\*\s?|\s*\*\/\s*$/g, "")
    .replaceAll(/^\s*\* ?/gm, "")
    .replaceAll("@throws SwarmlineError", "Throws `SwarmlineError`:")
    .trim();

/** What a page cannot name stays away. @param {string} text */
const withoutPrivate = (text) =>
  text
    .replace(/^export (declare )?/, "")
    .replaceAll(/^ {4}#private;\n/gm, "")
    .replaceAll(/^( +)/gm, (spaces) => " ".repeat(Math.ceil(spaces.length / 2)));

/** Everything that a file exports, in its order: what it declares, and what it hands on. @param {string} file @returns {Declaration[]} */
function exportsOf(file) {
  const statements = statementsOf(readFileSync(join(here, file), "utf8"));
  return statements.flatMap((statement) => {
    const declared = declarationOf(statement);
    if (declared !== undefined) return [declared];
    const handed = /export (?:type )?\{([^}]*)\} from "(\.[^"]+)\.js"/.exec(statement);
    if (handed === null) return [];
    const [, names = "", from = ""] = handed;
    const there = exportsOf(join(dirname(file), `${from}.d.ts`));
    return names.split(",").flatMap((one) => {
      const name = one.replace(/\btype\b/, "").trim();
      if (name === "") return [];
      const found = there.find((each) => each.name === name);
      if (found === undefined) throw new Error(`${file} exports ${name}, which is not in ${from}`);
      return [found];
    });
  });
}

/** What a script tag gives. @param {string} file */
const globalsOf = (file) =>
  /declare global \{[\s\S]*?\n\}/.exec(readFileSync(join(here, file), "utf8"))?.[0];

/** The page. */
export function apiPage() {
  const parts = [
    "# API reference\n\nMade from the package's types by `npm run api --workspace js-adapters`, after a build; not to be edited. " +
      "Options with their defaults and units as a table: [js-adapters/README.md](../js-adapters/README.md).",
  ];
  /** Where a name was shown first. @type {Map<string, string>} */
  const shown = new Map();
  for (const [entry = "", file = ""] of entries()) {
    parts.push(`## \`${entry}\``);
    for (const { name, comment, text } of exportsOf(file)) {
      const before = shown.get(name);
      if (before !== undefined) {
        parts.push(`### ${name}\n\nAs in \`${before}\`.`);
        continue;
      }
      shown.set(name, entry);
      const prose = comment === "" ? "" : `${comment}\n\n`;
      parts.push(`### ${name}\n\n${prose}\`\`\`ts\n${text}\n\`\`\``);
    }
    const globals = globalsOf(file);
    if (globals !== undefined)
      parts.push(`### In the page\n\n\`\`\`ts\n${withoutPrivate(globals)}\n\`\`\``);
  }
  return `${parts.join("\n\n")}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, apiPage());
