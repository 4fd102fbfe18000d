// @ts-check
// The operator's page of a tracker, in both themes, narrow and wide: it asks for the token, shows what the tracker
// knows, says when it cannot, and is without errors and without findings of axe-core. `SWARMLINE_PICTURES`
// names a folder for pictures of it.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { clientSaying, startOurTracker } from "../interop/our-tracker.js";
import { startBrowser } from "./harness.js";

/** @typedef {import("playwright-core").Page} Page */

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const token = "a token for tests alone";
const limits = { timeout: 60_000 };

/** @type {string} */
let folder;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof startOurTracker>>} */
let tracker;
/** @type {{ close: () => void }[]} */
const clients = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "swarmline-dashboard-"));
  writeFileSync(join(folder, "token"), token);
  const settings = [
    'admin.listen="127.0.0.1:0"',
    `admin.token_file="${join(folder, "token")}"`,
    `store.path="${join(folder, "tracker.db")}"`,
  ];
  tracker = await startOurTracker(settings.flatMap((it) => ["--set", it]));
  browser = await startBrowser();
  for (let n = 0; n < 7; n += 1) {
    clients.push(await clientSaying(tracker.url, report(n, n < 5 ? "a" : "b")));
  }
  clients.push(await clientSaying(tracker.url, { action: "scrape" }));
});

after(async () => {
  await browser?.close();
  for (const client of clients) client.close();
  await tracker?.close();
  if (folder) rmSync(folder, { recursive: true });
});

/** A viewer that reports three quarters from peers. @param {number} n @param {string} room */
const report = (n, room) => ({
  ...{ action: "announce", info_hash: room.repeat(20), peer_id: String(n).repeat(20) },
  ...{ downloaded: 3_000_000, cdn: 1_000_000, waits: [10, 0, 0, 5, 4, 1], receipts: 1, links: [9, n % 2] },
});

/** Accounts, which viewers of one address cannot earn for. */
const leaders = ["anna", "a subject with a long name, as backends have them: 4711-0815"].map(
  (subject, at) => ({
    ...{ rank: at + 1, subject, bytesShared: 81_234_567_890 / (at + 1), segmentsShared: 61_000 },
    ...{ sessions: 12, timestamp: 1_760_000_000_000 },
  }),
);

/**
 * The page, opened with what it must not say.
 * @param {import("playwright-core").BrowserContextOptions} [look]
 */
async function open(look = {}) {
  const context = await browser.newContext(look);
  const page = await context.newPage();
  /** @type {string[]} */
  const said = [];
  page.on("console", (message) => message.type() === "error" && said.push(message.text()));
  page.on("pageerror", (error) => said.push(error.message));
  await page.goto(String(tracker.admin));
  return { page, said };
}

/** @param {Page} page @param {string} text */
async function enter(page, text) {
  await page.getByLabel("Admin token").fill(text);
  await page.getByRole("button", { name: "Show" }).click();
}

/** Serious and critical findings of axe-core, one line each. @param {Page} page @returns {Promise<string[]>} */
async function findings(page) {
  await page.addScriptTag({ path: axe });
  /** @type {import("axe-core").AxeResults} */
  const result = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
  return result.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ target, html }) => `${id}: ${target} ${html}`));
}

for (const [colorScheme, width, height] of /** @type {const} */ ([
  ["light", 360, 800],
  ["dark", 1280, 900],
])) {
  test(`it shows what is there, ${colorScheme}, ${width} px wide`, limits, async () => {
    const { page, said } = await open({ colorScheme, viewport: { width, height } });
    await page.route("**/overview", async (route) => {
      const answer = await route.fetch();
      const overview = await answer.json();
      assert.deepEqual(overview.leaders, []);
      await route.fulfill({ response: answer, json: { ...overview, leaders } });
    });
    assert.deepEqual(await findings(page), [], "while it asks");
    await enter(page, token);
    const rooms = page.getByRole("region", { name: "Rooms" });
    await rooms.getByText("61".repeat(20)).waitFor();
    const cells = await rooms.locator("tr").nth(1).locator("td").allTextContents();
    assert.deepEqual(cells.slice(0, 5), ["5", "0", "15 MB", "5.0 MB", "75.0 %"]);
    assert.equal(cells[6], "4.3 %");
    const figures = await page.locator("#figures").textContent();
    assert.match(figures ?? "", /Viewers7.*reported75\.0 %.*Links failed, reported4\.5 %/);
    await page.getByRole("region", { name: "Failures" }).getByText("Messages refused").waitFor();
    await page.getByText("anna").waitFor();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.deepEqual([...(await findings(page)), wide > 0 ? "too wide" : ""], [""]);
    assert.deepEqual(said, []);
    const pictures = process.env.SWARMLINE_PICTURES;
    if (pictures) {
      await page.screenshot({ path: join(pictures, `${colorScheme}.png`), fullPage: true });
    }
    await page.context().close();
  });
}

test("without the token it shows nothing, and says so", limits, async () => {
  const answer = await fetch(`${tracker.admin}overview`);
  assert.equal(answer.status, 401);
  const { page } = await open();
  await enter(page, "another one altogether");
  await page.getByRole("alert").filter({ hasText: "not the token" }).waitFor();
  assert.equal(await page.locator("#board").isVisible(), false);
  await page.context().close();
});
