// @ts-check
// `<swarmline-player>` as a page without a bundler has it, from `embed/player.js`; the query's words are its
// attributes. It keeps what the element tells; it judges nothing.

const { SwarmlinePlayer } = await import("/dist/embed/player.js");

/** @type {{ event: string, detail: any }[]} */
const told = [];
const player = new SwarmlinePlayer();
for (const event of ["ready", "warning", "error"]) {
  player.addEventListener(event, (heard) =>
    told.push({ event, detail: /** @type {CustomEvent} */ (heard).detail }),
  );
}
for (const [word, said] of new URLSearchParams(location.search)) player.setAttribute(word, said);
document.querySelector("main")?.append(player);
Object.assign(window, { player, told });
export {};
