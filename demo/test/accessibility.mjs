// @ts-check
/**
 * The built page in a real Chromium under axe-core: both themes, narrow and wide, every state that a
 * visitor can open. Fails on any serious or critical finding, on a page wider than its window, and on
 * a control that the Tab key does not reach or whose focus is not to be seen.
 *
 * No stream is played, so it says nothing about video.
 */
import { createRequire } from "node:module";
import { openBrowser, servePage } from "./open.mjs";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const SIZES = [
  { width: 360, height: 740 },
  { width: 1440, height: 900 },
];
/** @typedef {import("playwright-core").Page} Page */

/** The page of a state that is not the demo itself. @type {Record<string, string>} */
const PAGES = { "lines to copy": "embed.html" };

/** What a visitor may have opened, and how. */
const STATES = {
  "lines to copy": async (/** @type {Page} */ page) => {
    await page.getByLabel("Connections to other viewers").fill("4");
    await page.getByRole("radio", { name: "an element" }).check();
    await page.getByText('max-peers="4"').waitFor();
    await page.frameLocator("iframe").locator("swarmline-player").waitFor();
  },
  "one viewer": async () => {},
  "four viewers, flows as a table": async (/** @type {Page} */ page) => {
    await page.getByRole("button", { name: "Watch with four viewers" }).click();
    await page.getByRole("button", { name: "As a table" }).click();
    await page.waitForFunction(() => document.querySelectorAll("video").length === 4);
  },
  "a viewer's report": async (/** @type {Page} */ page) => {
    await page.getByRole("button", { name: "Ask the first viewer" }).click();
    await page.getByRole("button", { name: "Copy the report" }).waitFor();
  },
  "own address, refused": async (/** @type {Page} */ page) => {
    await page.getByRole("radio", { name: "Your own" }).check();
    await page.getByLabel("Address of an HLS playlist").fill("/style.css");
    await page.getByRole("button", { name: "Play it" }).click();
    await page.getByText("not an HLS playlist").waitFor();
  },
};

/**
 * Serious and critical findings of axe-core, one line each.
 * @param {Page} page
 * @returns {Promise<string[]>}
 */
async function findings(page) {
  await page.addScriptTag({ path: AXE });
  /** @type {import("axe-core").AxeResults} */
  const result = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
  return result.violations
    .filter((found) => found.impact === "serious" || found.impact === "critical")
    .flatMap((found) => found.nodes.map((node) => `${found.id}: ${node.target} ${node.html}`));
}

/**
 * Controls that Tab does not reach, or that show no outline when it does.
 * @param {Page} page
 * @returns {Promise<string[]>}
 */
async function unreachable(page) {
  const wanted = await page.evaluate(() => {
    const all = document.querySelectorAll("button, a[href], select, input, [tabindex='0'], video");
    const open = [...all].filter((one) => one.checkVisibility() && !one.matches(":disabled"));
    // Of a group of radio buttons, Tab reaches the checked one.
    const stops = open.filter((one) => !one.matches("[type=radio]:not(:checked)"));
    for (const [index, one] of stops.entries()) one.setAttribute("data-stop", String(index));
    return stops.map((one) => one.outerHTML.slice(0, 90));
  });
  const reached = new Set();
  const dim = [];
  for (let press = 0; press < wanted.length * 12 && reached.size < wanted.length; press += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const one = document.activeElement;
      if (!one?.hasAttribute("data-stop")) return null;
      const boxes = [one, one.nextElementSibling, one.closest(".viewer, .choice")];
      const seen = boxes.some((box) => box && getComputedStyle(box).outlineStyle !== "none");
      return { stop: Number(one.getAttribute("data-stop")), seen };
    });
    if (at && !at.seen && !reached.has(at.stop)) dim.push(`no visible focus: ${wanted[at.stop]}`);
    if (at) reached.add(at.stop);
  }
  const missed = wanted.filter((_, index) => !reached.has(index));
  return [...missed.map((html) => `Tab does not reach: ${html}`), ...dim];
}

/**
 * One state of the page in one theme and size.
 * @param {import("playwright-core").Browser} browser
 * @param {string} name
 * @param {"light" | "dark"} colorScheme
 * @param {{ width: number, height: number }} viewport
 * @returns {Promise<string[]>}
 */
async function inspect(browser, name, colorScheme, viewport) {
  const context = await browser.newContext({ colorScheme, viewport, reducedMotion: "reduce" });
  const page = await context.newPage();
  /** @type {string[]} */
  const problems = [];
  page.on("pageerror", (error) => problems.push(`script error: ${error.message}`));
  await page.goto(new URL(PAGES[name] ?? "", site.origin).href);
  if (!PAGES[name]) await page.waitForSelector("video");
  await STATES[/** @type {keyof typeof STATES} */ (name)](page);
  problems.push(...(await findings(page)), ...(await unreachable(page)));
  const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (tooWide > 0) problems.push(`the page is ${tooWide} px wider than its window`);
  await context.close();
  return problems;
}

const site = await servePage();
const browser = await openBrowser();
let failed = 0;
let passed = 0;
for (const name of Object.keys(STATES)) {
  for (const scheme of /** @type {const} */ (["light", "dark"])) {
    for (const size of SIZES) {
      const problems = await inspect(browser, name, scheme, size);
      const title = `${name}, ${scheme}, ${size.width} px`;
      console.log(`${problems.length === 0 ? "ok  " : "FAIL"} ${title}`);
      for (const problem of problems) console.log(`     ${problem}`);
      if (problems.length === 0) passed += 1;
      else failed += 1;
    }
  }
}
await browser.close();
site.close();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
