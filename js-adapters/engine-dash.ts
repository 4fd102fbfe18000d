/** The engine for players of DASH. One of the files that touch generated glue; decides nothing. */

import { EngineModule } from "./engine-module.js";
import init, { SwarmEngine } from "./wasm/swarmline-dash.js";

/** Reads HLS and MPDs. */
export const dashEngine: EngineModule = new EngineModule(
  init,
  SwarmEngine,
  () => new URL("./swarmline-dash.wasm", import.meta.url),
);
