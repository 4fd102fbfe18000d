/**
 * What the embed page's owner allows: which hosts are played, which origins may command and hear.
 *
 * Invariant: nothing but `http:` and `https:` is ever played; an empty list of origins means the page's
 * own, never everybody.
 */

const listed = (text: string): string[] => text.split(/[\s,]+/).filter((one) => one !== "");

/** Origins that may command and hear; `*` is everybody. What is no origin is left out. */
export function allowedOrigins(text: string, own: string): string[] {
  const origins = listed(text).flatMap((one) => {
    if (one === "*") return ["*"];
    try {
      const { origin } = new URL(one);
      return origin === "null" ? [] : [origin];
    } catch {
      return [];
    }
  });
  if (origins.includes("*")) return ["*"];
  return listed(text).length === 0 ? [own] : [...new Set(origins)];
}

/** Whether an address may be played, where `hosts` lists names and `*.name` for those below one. */
export function mayPlay(src: string, hosts: string, base: string): boolean {
  let url: URL;
  try {
    url = new URL(src, base);
  } catch {
    return false;
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return false;
  const allowed = listed(hosts.toLowerCase());
  if (allowed.length === 0) return true;
  return allowed.some((host) =>
    host.startsWith("*.")
      ? url.hostname.endsWith(host.slice(1))
      : [url.hostname, url.host].includes(host),
  );
}
