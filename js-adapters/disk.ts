/** What only pages with `diskCache` load, a chunk of its own: the disk, and an engine that asks it. Decides nothing. */

export { clear, DiskCache } from "./disk-cache.js";
export { diskEngine } from "./engine-disk.js";
