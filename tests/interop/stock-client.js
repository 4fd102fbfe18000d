// @ts-check
// The stock WebTorrent client, `bittorrent-tracker` as it is on npm. Its import of native WebRTC is
// led to `fake-webrtc.js`; everything it says to trackers is its own.

import { register } from "node:module";

const fake = JSON.stringify(new URL("./fake-webrtc.js", import.meta.url).href);
const hook = `export const resolve = (name, context, next) => name === "webrtc-polyfill"
  ? { url: ${fake}, shortCircuit: true } : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);

// After the hook: a static import would be resolved before it.
// @ts-expect-error the package has no types
const { default: Client } = await import("bittorrent-tracker/client");

export { Client };
