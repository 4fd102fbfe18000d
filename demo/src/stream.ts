/**
 * Which stream plays, and why one does not: a browser only says «failed», so the page asks again in
 * ways that tell a missing permission (CORS) from a blocked or a silent server.
 */

/** The samples, as `cargo xtask demo` serves them. */
export const SAMPLES = {
  vod: "/media/master.m3u8",
  live: "/live/master.m3u8",
} as const;

/** What an address is worth. */
export type Verdict = { url: string } | { problem: string };

/** Checks an address before it is played. */
export async function checkStream(text: string): Promise<Verdict> {
  const url = parse(text.trim());
  if (!url) return { problem: "This is not a web address. It should start with https://" };
  if (isMixed(url)) return { problem: mixedContent(url) };
  if (/\.mpd$/i.test(url.pathname)) {
    return { problem: "This is an MPEG-DASH manifest (.mpd). This page plays HLS (.m3u8)." };
  }
  try {
    const response = await fetch(url, { headers: { Accept: "application/vnd.apple.mpegurl, */*" } });
    if (!response.ok) return { problem: status(response.status, url) };
    const body = (await response.text()).replace(/^\uFEFF/, "").trimStart();
    if (!body.startsWith("#EXTM3U")) return { problem: notAPlaylist(url, body) };
    return { url: response.url || url.href };
  } catch {
    return { problem: await explainFailure(url.href) };
  }
}

/** Why the browser could not read an address, in words. */
export async function explainFailure(text: string): Promise<string> {
  const url = parse(text);
  if (!url) return "The stream could not be played.";
  if (isMixed(url)) return mixedContent(url);
  if (!navigator.onLine) return "This computer is offline.";
  try {
    // An answer nobody may read still tells that somebody answers.
    await fetch(url, { mode: "no-cors", cache: "no-store" });
  } catch {
    return (
      `${url.host} could not be reached: it is down, its name or certificate is wrong, or an ` +
      "extension or network blocks it."
    );
  }
  if (url.origin === location.origin) return `${url.pathname} could not be read.`;
  return (
    `${url.host} answers, but does not allow other sites to read its video (CORS). It has to ` +
    `send “Access-Control-Allow-Origin: ${location.origin}” (or *) with playlists and segments. ` +
    "Only whoever runs that server can change this."
  );
}

function parse(text: string): URL | null {
  try {
    const url = new URL(text, location.href);
    return /^https?:$/.test(url.protocol) && /^(https?:)?\//i.test(text) ? url : null;
  } catch {
    return null;
  }
}

function isMixed(url: URL): boolean {
  const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  return location.protocol === "https:" && url.protocol === "http:" && !loopback;
}

function mixedContent(url: URL): string {
  return (
    "This page came over https, the stream would come over plain http: browsers block such mixed " +
    `content. Try https://${url.host}${url.pathname}, or open this page over http.`
  );
}

function status(code: number, url: URL): string {
  const meaning =
    code === 404 ? "there is nothing at this address"
    : code === 401 || code === 403 ? "it wants a permission that this page does not have"
    : code >= 500 ? "it has a problem of its own"
    : "it refused";
  return `${url.host} answered ${code}: ${meaning}.`;
}

function notAPlaylist(url: URL, body: string): string {
  const page = /^<(!doctype|html)/i.test(body) ? "a web page" : "something else";
  return `${url.host} answered with ${page}, not an HLS playlist (those begin with #EXTM3U).`;
}
