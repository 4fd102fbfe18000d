/** The engine for hls.js, and the session around one. One of the files that touch generated glue; decides nothing. */

import { EngineModule } from "./engine-module.js";
import init, { SwarmEngine } from "./wasm/swarmline.js";

export { Session } from "./engine.js";

/** Reads HLS. */
export const hlsEngine: EngineModule = new EngineModule(
  init,
  SwarmEngine,
  () => new URL("./swarmline.wasm", import.meta.url),
);
