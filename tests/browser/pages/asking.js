// @ts-check
// Lets a real player open an MPD, and tells what it asks for: what it calls a media segment, and what else. Nothing
// is played: Shaka is told to fetch ahead without end, dash.js loads without a picture, so that addresses are all that
// counts. It judges nothing.

import { loadScript } from "./playing.js";

/**
 * @typedef {object} Opened
 * @property {string} player URL of the build
 * @property {string} src
 * @property {number} at which rendition: Shaka's variants in their order; dash.js's lowest, then its highest
 */

/** Told of each request: a segment or not, and the range as the player has it. @type {(isMedia: boolean, url: string, range: string) => void} */
const tell = (...told) => Reflect.get(window, "told")(...told);
/** @type {(error: string) => void} */
const fail = (error) => Reflect.get(window, "failed")(error);

/** @type {() => unknown} */
let close = () => undefined;

/** @param {Opened} opened @returns {Promise<void>} */
async function askShaka({ player: build, src, at }) {
  await loadScript(build);
  const { shaka } = /** @type {any} */ (window);
  const player = new shaka.Player();
  close = () => player.destroy();
  const chooser = () => {
    const abr = new shaka.abr.SimpleAbrManager();
    /** @type {unknown[]} */
    let variants = [];
    abr.setVariants = (/** @type {unknown[]} */ given) => {
      variants = given;
      Reflect.set(window, "renditions", given.length);
      return true;
    };
    abr.chooseVariant = () => variants[at % variants.length];
    return abr;
  };
  const patient = { timeout: 0, connectionTimeout: 0, stallTimeout: 0 };
  player.configure({
    abrFactory: chooser,
    manifest: { dash: { xlinkFailGracefully: true } },
    streaming: { segmentPrefetchLimit: 10_000, retryParameters: patient },
  });
  await player.attach(document.querySelector("video"));
  const { RequestType, AdvancedRequestType } = shaka.net.NetworkingEngine;
  player
    .getNetworkingEngine()
    .registerRequestFilter(
      (/** @type {number} */ type, /** @type {any} */ request, /** @type {any} */ context) => {
        const isSegment = type === RequestType.SEGMENT && context?.segment;
        const isMedia = isSegment && context.type === AdvancedRequestType.MEDIA_SEGMENT;
        tell(Boolean(isMedia), request.uris[0], request.headers.Range ?? "");
      },
    );
  player
    .load(src, 0, "application/dash+xml")
    .catch((/** @type {any} */ { code }) => fail(`Shaka ${code}`));
}

/** @param {Opened} opened @returns {Promise<void>} */
async function askDash({ player: build, src, at }) {
  await loadScript(build);
  const { dashjs } = /** @type {any} */ (window);
  const player = dashjs.MediaPlayer().create();
  close = () => player.destroy();
  const all = 36_000;
  const kbits = at === 0 ? 1 : 1e9;
  player.updateSettings({
    debug: { logLevel: 0 },
    streaming: {
      utcSynchronization: { enabled: false },
      abr: {
        autoSwitchBitrate: { video: false, audio: false },
        initialBitrate: { video: kbits, audio: kbits },
      },
      buffer: {
        ...{ bufferTimeDefault: all, bufferTimeAtTopQuality: all },
        bufferTimeAtTopQualityLongForm: all,
      },
    },
  });
  player.on("error", (/** @type {any} */ { error }) => fail(`dash.js ${error.code}`));
  player.initialize(undefined, undefined, false);
  player.addRequestInterceptor(async (/** @type {any} */ request) => {
    const { type, range } = request.customData.request;
    tell(type === "MediaSegment", request.url, range ?? "");
    return request;
  });
  player.attachSource(src);
  player.preload();
}

Object.assign(window, { askShaka, askDash, closePlayer: () => close() });
