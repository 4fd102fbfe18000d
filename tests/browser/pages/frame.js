// @ts-check
// A page of somebody else's that frames the embed (`?embed=…`), keeps what it hears and says what a test
// tells it to. It judges nothing.

/** @type {{ origin: string, event: string, value: any, id?: unknown }[]} */
const heard = [];
addEventListener("message", ({ origin, data }) => heard.push({ origin, ...data }));
const frame = document.createElement("iframe");
frame.title = "A film";
frame.allow = "autoplay; fullscreen";
frame.width = "640";
frame.height = "360";
frame.src = new URLSearchParams(location.search).get("embed") ?? "";
document.body.append(frame);

/** @param {unknown} message */
const say = (message) => frame.contentWindow?.postMessage(message, "*");
Object.assign(window, { heard, say });
export {};
