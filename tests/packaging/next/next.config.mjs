// Exported as a folder of files: `next build` renders each page on the server once, and any web server hands it out.

import { fileURLToPath } from "node:url";

export default {
  output: "export",
  basePath: "/next",
  turbopack: { root: fileURLToPath(new URL(".", import.meta.url)) },
};
