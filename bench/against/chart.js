// @ts-check
// The chart: CDN bytes of each kind as a share of plain's, block by block, with the floor. An SVG without
// scripts, with colours for light and dark pages and its figures as text. It draws; it computes nothing that
// the tables do not show.

import { median } from "../measure.js";
import { kinds } from "./matrix.js";
import { figure, rows } from "./rows.js";

/** @typedef {import("./report.js").Block} Block */

const drawn = ["incumbent", "tuned", "swarmline"];
const [width, labelWidth, barHeight, gap] = [760, 210, 14, 18];
const plotWidth = width - labelWidth - 70;
const top = 58;

/** Only the fullest blocks, or the picture grows too long. @param {Block[]} blocks */
function chosen(blocks) {
  const most = Math.max(...blocks.map(({ viewers }) => viewers));
  return blocks.filter(
    ({ viewers, lines }) => viewers === most && lines.some(({ kind }) => kind === "plain"),
  );
}

/** @param {Block} block */
function sharesOf({ title, lines }) {
  const row = rows.find(({ name }) => name === "CDN bytes, of plain's");
  const bars = drawn.flatMap((kind) => {
    const share = row ? figure(row, lines, kind) : null;
    return share === null ? [] : [{ kind, label: kinds[kind]?.label ?? kind, share }];
  });
  const plain = lines.filter(({ kind }) => kind === "plain");
  const floor = median(plain.map(({ figures }) => figures.floorBytes / figures.cdnBytes)) ?? 0;
  return { title, bars, floor };
}

const percent = (/** @type {number} */ share) => `${(share * 100).toFixed(0)} %`;

/** What the chart says, in words. @param {Block[]} blocks */
export function chartText(blocks) {
  const parts = chosen(blocks).map((block) => {
    const { title, bars, floor } = sharesOf(block);
    const said = bars.map(({ label, share }) => `${label} ${percent(share)}`);
    return `${title}: ${said.join(", ")}, floor ${percent(floor)}`;
  });
  return `CDN bytes as a share of plain hls.js. ${parts.join(". ")}.`;
}

/** @param {Block[]} blocks */
export function chart(blocks) {
  const shares = chosen(blocks).map(sharesOf);
  const most = Math.max(1, ...shares.flatMap(({ bars }) => bars.map(({ share }) => share)));
  const x = (/** @type {number} */ share) => (labelWidth + (share / most) * plotWidth).toFixed(1);
  const parts = [];
  let y = top;
  for (const { title, bars, floor } of shares) {
    parts.push(`<text x="0" y="${y + 11}" class="title">${escaped(title)}</text>`);
    y += 18;
    const begin = y;
    for (const { kind, label, share } of bars) {
      const long = Number(x(share)) - labelWidth;
      parts.push(
        `<text x="${labelWidth - 8}" y="${y + 11}" class="label">${escaped(label)}</text>`,
        `<rect x="${labelWidth}" y="${y}" width="${long.toFixed(1)}" height="${barHeight - 2}" rx="2" class="${kind}"/>`,
        `<text x="${Number(x(share)) + 6}" y="${y + 11}">${percent(share)}</text>`,
      );
      y += barHeight + 2;
    }
    parts.push(
      `<line x1="${x(floor)}" x2="${x(floor)}" y1="${begin - 2}" y2="${y}" class="floor"/>`,
    );
    y += gap;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" role="img" aria-labelledby="t d">`,
    '<title id="t">CDN bytes as a share of plain hls.js</title>',
    `<desc id="d">${escaped(chartText(blocks))}</desc>`,
    "<style>",
    "text { font: 12px system-ui, sans-serif; fill: #1f2328 }",
    ".title { font-weight: 600 } .head { font-size: 15px; font-weight: 600 } .label { text-anchor: end }",
    ".incumbent { fill: #8c959f } .tuned { fill: #bf8700 } .swarmline { fill: #0969da }",
    ".floor { stroke: #1f2328; stroke-width: 1.5; stroke-dasharray: 3 2 }",
    "@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .floor { stroke: #e6edf3 }",
    ".incumbent { fill: #7d8590 } .tuned { fill: #d29922 } .swarmline { fill: #4493f8 } }",
    "</style>",
    '<text x="0" y="16" class="head">CDN bytes, of what plain hls.js takes (shorter is better)</text>',
    '<line x1="2" x2="2" y1="26" y2="40" class="floor"/>',
    '<text x="12" y="37">the floor: each segment once, and a first one for each further viewer</text>',
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

/** @param {string} text */
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
