// @ts-check
// One page that holds segments and may send so many bytes a second, and one that wants all of them at once:
// how much of the limit is on the wire. Used by a test for seconds, and by `cargo xtask soak upload-limit` for
// minutes. It judges nothing.

import { countWhatLeaves, onTheWire } from "./wire.js";

/** @typedef {{ seconds: number, bytes: number }} Stretch */

/** The length of a segment in the pages. */
const segmentLength = 2 * 2 ** 20;

/**
 * @param {import("playwright-core").Browser} browser
 * @param {import("./harness.js").Origin} origin with the folder `/bench`
 * @param {{ bytesPerS: number, seconds: number, everyS?: number }} wish
 * @returns {Promise<{ part: number, stretches: Stretch[] }>} of the limit, and what went in each stretch
 */
export async function limited(browser, origin, { bytesPerS, seconds, everyS = seconds }) {
  const count = Math.ceil((1.2 * bytesPerS * (seconds + 10)) / segmentLength) + 2;
  const [giver, taker] = [await open(browser, origin), await open(browser, origin)];
  const call = (/** @type {typeof giver} */ { page }, /** @type {[string, ...any[]]} */ ...given) =>
    page.evaluate(([name, ...rest]) => Reflect.get(window, "transfer")[name](...rest), given);
  try {
    const swarm = { trackerUrl: origin.trackerUrl, swarmId: `limited ${Date.now()}`, count };
    await call(giver, "join", { ...swarm, uploadLimit: bytesPerS });
    await call(giver, "hold", count);
    await call(taker, "join", swarm);
    await call(taker, "meet", count);
    // It ends with its page.
    call(taker, "take", 0, count, 2).catch(() => undefined);
    // What the bucket held at first is gone by then.
    await wait(3);
    const clock = () => performance.now() / 1_000;
    const begun = clock();
    let [last, lastAt] = [await onTheWire(giver), begun];
    /** @type {Stretch[]} */
    const stretches = [];
    while (lastAt < begun + seconds) {
      await wait(Math.min(everyS, begun + seconds - lastAt));
      const [now, at] = [await onTheWire(giver), clock()];
      stretches.push({ seconds: at - lastAt, bytes: now - last });
      [last, lastAt] = [now, at];
    }
    const sum = (/** @type {keyof Stretch} */ what) =>
      stretches.reduce((total, stretch) => total + stretch[what], 0);
    return { part: sum("bytes") / sum("seconds") / bytesPerS, stretches };
  } finally {
    await Promise.all([giver, taker].map(({ page }) => page.context().close()));
  }
}

/** @param {import("playwright-core").Browser} browser @param {import("./harness.js").Origin} origin */
async function open(browser, origin) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(countWhatLeaves);
  await page.goto(origin.at("/bench/transfer.html"));
  await page.waitForFunction(() => "transfer" in window);
  return { page };
}

const wait = (/** @type {number} */ seconds) =>
  new Promise((resolve) => setTimeout(resolve, 1_000 * seconds));
