/** The engine for pages with `diskCache`, whatever their player. One of the files that touch generated glue; decides nothing. */

import { EngineModule } from "./engine-module.js";
import init, { SwarmEngine } from "./wasm/swarmline-disk.js";

/** Reads HLS and MPDs, and knows of a disk. */
export const diskEngine: EngineModule = new EngineModule(
  init,
  SwarmEngine,
  () => new URL("./swarmline-disk.wasm", import.meta.url),
);
