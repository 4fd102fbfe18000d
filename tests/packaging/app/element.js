// The ready player through a bundler: players by bare specifier, each a chunk of its own. `?src=` is a
// playlist or an MPD.

import "swarmline/player";

const words = new URLSearchParams(location.search);
const player = document.createElement("swarmline-player");
const seen = { players: [], errors: [], warnings: [], segments: 0, video: player.video };
globalThis.seen = seen;
player.addEventListener("ready", ({ detail }) => {
  seen.players.push(detail.player);
  seen.swarm = player.swarm;
});
player.addEventListener("segment", () => {
  seen.segments += 1;
});
player.addEventListener("warning", ({ detail }) => seen.warnings.push(detail.code));
player.addEventListener("error", ({ detail }) => seen.errors.push(detail.code));
player.setAttribute("src", words.get("src"));
player.setAttribute("tracker-urls", words.get("tracker"));
player.setAttribute("stun-servers", "");
player.setAttribute("muted", "");
document.body.append(player);
