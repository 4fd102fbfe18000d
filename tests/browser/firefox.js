// @ts-check
// Debian's Firefox, driven over WebDriver BiDi by Puppeteer, with as much of Playwright's face as a `Viewer` asks
// for: Playwright's own launcher wants a Firefox that was built for it. It judges nothing.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { launch } from "puppeteer-core";

/** Pages on one machine speak to each other by their addresses, play unseen, and speak to nobody else. */
const preferences = {
  "media.peerconnection.ice.loopback": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "media.autoplay.default": 0,
  "media.block-autoplay-until-in-foreground": false,
  "media.suspend-background-video.enabled": false,
  "media.gmp-manager.updateEnabled": false,
  "dom.min_background_timeout_value": 4,
  "dom.timeout.enable_budget_timer_throttling": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
};

/** The Firefox to start, if there is one. */
export function firefoxPath() {
  const named = process.env.FIREFOX;
  if (named) return named;
  const folders = (process.env.PATH ?? "").split(delimiter);
  const names = ["firefox-esr", "firefox"];
  return names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}

/**
 * One Firefox for several viewers, each in a context and a window of its own.
 * @returns {Promise<import("playwright-core").Browser>} as much of one as viewers use
 */
export async function startFirefox() {
  const browser = await launch({
    browser: "firefox",
    executablePath: firefoxPath() ?? "firefox",
    extraPrefsFirefox: preferences,
  });
  const face = {
    newContext: async () => {
      const context = await browser.createBrowserContext();
      return {
        newPage: async () => withInitScript(await context.newPage({ type: "window" })),
        close: () => context.close(),
      };
    },
    version: () => browser.version(),
    close: () => browser.close(),
  };
  return /** @type {any} */ (face);
}

/** @param {import("puppeteer-core").Page} page */
function withInitScript(page) {
  const addInitScript = (/** @type {() => void} */ script) => page.evaluateOnNewDocument(script);
  return Object.assign(page, { addInitScript });
}
