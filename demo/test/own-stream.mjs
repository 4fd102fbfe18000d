// @ts-check
/**
 * A visitor's own address: for each way it can be wrong, the page says which one it is, in words a
 * person can act on. A second origin plays the stranger's server.
 */
import { openBrowser, serve, servePage } from "./open.mjs";

const PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST\n";

const site = await servePage();
const stranger = await serve((request, response) => {
  const path = request.url ?? "/";
  if (path.startsWith("/open")) response.setHeader("access-control-allow-origin", "*");
  if (path.endsWith("gone.m3u8")) response.writeHead(404).end();
  else if (path.endsWith("page.m3u8")) response.end("<!doctype html><title>hello</title>");
  else response.end(PLAYLIST);
});
const closed = await serve(() => {});
closed.close();

const CASES = [
  { address: `${stranger.origin}shut/a.m3u8`, says: "does not allow other sites" },
  { address: `${stranger.origin}open/gone.m3u8`, says: "answered 404" },
  { address: `${stranger.origin}open/page.m3u8`, says: "a web page, not an HLS playlist" },
  { address: `${stranger.origin}open/a.mpd`, says: "MPEG-DASH" },
  { address: `${closed.origin}a.m3u8`, says: "could not be reached" },
  { address: "my holiday", says: "not a web address" },
  { address: `${stranger.origin}open/a.m3u8`, says: "Playing it" },
];

const browser = await openBrowser();
const page = await browser.newPage();
await page.goto(site.origin);
await page.getByRole("radio", { name: "Your own" }).check();
let failed = 0;
for (const { address, says } of CASES) {
  await page.getByLabel("Address of an HLS playlist").fill(address);
  await page.getByRole("button", { name: "Play it" }).click();
  const result = page.locator("#own-result");
  const right = result.filter({ hasText: says }).waitFor({ timeout: 10_000 });
  const ok = await right.then(
    () => true,
    () => false,
  );
  console.log(`${ok ? "ok  " : "FAIL"} own address: ${says}`);
  if (ok) continue;
  failed += 1;
  console.log(`     the page says: ${await result.textContent()}`);
}
await browser.close();
site.close();
stranger.close();
console.log(`${CASES.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
