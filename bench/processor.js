// @ts-check
// Processor time of a whole browser and of a page's main thread, as Chromium counts them: unlike time on
// the wall they hardly depend on who else uses the machine. Pages that close take their time with them, so
// both readings of a difference must see the same pages.

/** Seconds of all processes of the browser. @param {import("playwright-core").CDPSession} session of the browser */
export async function browserSeconds(session) {
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  /** @type {Record<string, number>} */
  const byType = {};
  let total = 0;
  for (const { type, cpuTime } of processInfo) {
    byType[type] = (byType[type] ?? 0) + cpuTime;
    total += cpuTime;
  }
  return { total, byType };
}

/**
 * Reads the seconds that a page's main thread has been at work.
 * @param {import("playwright-core").Page} page
 */
export async function mainThread(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  return async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0;
  };
}
