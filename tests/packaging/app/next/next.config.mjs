// Exported as a folder of files: `next build` renders the page on the server once, and any web server hands it out.

import { fileURLToPath } from "node:url";

export default {
  output: "export",
  basePath: "/next",
  // Players lie in the workspace's own node_modules.
  turbopack: { root: fileURLToPath(new URL("../../../../", import.meta.url)) },
};
