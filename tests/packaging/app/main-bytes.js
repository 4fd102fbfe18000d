// The module as bytes, or compiled by the page: `?as=bytes` or `?as=module`.

import Hls from "hls.js";
import { createSwarm } from "swarmline";
import { attachHls } from "swarmline/hls";
import { play } from "./play.js";

const response = await fetch(import.meta.resolve("swarmline/engine.wasm"));
const bytes = await response.arrayBuffer();
const asModule = new URLSearchParams(location.search).get("as") === "module";
play(
  { Hls, createSwarm, attachHls },
  { wasm: asModule ? await WebAssembly.compile(bytes) : bytes },
);
