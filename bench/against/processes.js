// @ts-check
// What a process and all its descendants have cost, as Linux counts it in /proc: processor time and memory.
// Elsewhere there is no /proc, and every answer is null. It reads; it never signals a process.

import { readdirSync, readFileSync } from "node:fs";

/** Of a second; what the kernel counts in, on every architecture Node runs on. */
const ticksPerSecond = 100;

/** @typedef {{ pid: number, parent: number, name: string, ticks: number }} Process */

/** @param {string} path @returns {string | null} */
function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null; // gone, or another system
  }
}

/** Every process there is. @returns {Process[]} */
function processes() {
  let names;
  try {
    names = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const text = read(`/proc/${name}/stat`);
    if (text === null) return [];
    const end = text.lastIndexOf(")");
    const fields = text.slice(end + 2).split(" ");
    // Own time and that of children that have ended: utime, stime, cutime, cstime (proc(5)).
    const ticks = fields.slice(11, 15).reduce((total, field) => total + Number(field), 0);
    const command = text.slice(text.indexOf("(") + 1, end);
    return [{ pid: Number(name), parent: Number(fields[1]), name: command, ticks }];
  });
}

/** The processes this one started itself. @returns {number[]} */
export const children = () =>
  processes()
    .filter(({ parent }) => parent === process.pid)
    .map(({ pid }) => pid);

/** A process and its descendants. @param {number} root */
export function family(root) {
  const all = processes();
  const found = all.filter(({ pid }) => pid === root);
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

/** Processor seconds of a process and all its descendants since they began. @param {number} root @returns {number | null} */
export function cpuSeconds(root) {
  const found = family(root);
  if (found.length === 0) return null;
  return found.reduce((total, { ticks }) => total + ticks, 0) / ticksPerSecond;
}

/** Memory of a process and all its descendants; what several share counts once (PSS). @param {number} root @returns {number | null} */
export function memoryBytes(root) {
  const sizes = family(root).flatMap(({ pid }) => {
    const kilobytes = read(`/proc/${pid}/smaps_rollup`)?.match(/^Pss:\s+(\d+)/m)?.[1];
    return kilobytes === undefined ? [] : [Number(kilobytes) * 1024];
  });
  return sizes.length === 0 ? null : sizes.reduce((total, size) => total + size, 0);
}

/** Processor seconds that the whole machine was busy since it started. @returns {number | null} */
export function machineBusySeconds() {
  const fields = read("/proc/stat")
    ?.match(/^cpu +(.*)/)?.[1]
    ?.split(" ")
    .map(Number);
  if (!fields) return null;
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = fields;
  return (user + nice + system + irq + softirq) / ticksPerSecond;
}
