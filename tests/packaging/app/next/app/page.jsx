"use client";

// A page as its author writes it: plain imports, rendered on the server with a swarm that is off there, attached in an effect.

import Hls from "hls.js";
import { useEffect } from "react";
import { createSwarm } from "swarmline";
import { attachHls } from "swarmline/hls";
import "swarmline/player";
import { play } from "../../play.js";

export default function Page() {
  useEffect(() => play({ Hls, createSwarm, attachHls }), []);
  return <p id="rendered">{createSwarm().stats().state}</p>;
}
