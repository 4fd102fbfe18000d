// @ts-check
// Prints figures as a table a person reads, one column a run.

/**
 * @param {string} title
 * @param {string[]} columns
 * @param {[string, ...(string | number | null)[]][]} rows
 */
export function printTable(title, columns, rows) {
  const cells = [
    ["", ...columns],
    ...rows.map((row) => row.map((cell) => (cell === null ? "–" : String(cell)))),
  ];
  const widths =
    cells[0]?.map((_, at) => Math.max(...cells.map((row) => [...(row[at] ?? "")].length))) ?? [];
  console.log(`\n${title}\n`);
  for (const row of cells) {
    console.log(
      row
        .map((cell, at) =>
          at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
        )
        .join("   "),
    );
  }
}

/** @param {number} bytes */
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;

/** @param {number} share */
export const percent = (share) => `${(share * 100).toFixed(1)} %`;

/** @param {number | null} ms */
export const milliseconds = (ms) => (ms === null ? null : `${Math.round(ms)} ms`);

/** @param {number} seconds */
export const seconds = (seconds) => `${seconds.toFixed(1)} s`;
