// The module by URL, as a bundler's file loader gives it: for bundlers that do not follow `new URL`.

import Hls from "hls.js";
import { createSwarm } from "swarmline";
import wasm from "swarmline/engine.wasm";
import { attachHls } from "swarmline/hls";
import { play } from "./play.js";

play({ Hls, createSwarm, attachHls }, { wasm: new URL(wasm, import.meta.url) });
