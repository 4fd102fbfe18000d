// A page as its author writes it: bare imports, nothing said about the engine's module.

import Hls from "hls.js";
import { createSwarm } from "swarmline";
import { attachHls } from "swarmline/hls";
import { play } from "./play.js";

play({ Hls, createSwarm, attachHls });
