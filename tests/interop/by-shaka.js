// @ts-check
// What Shaka's own parsers make of a manifest, in Node on a page of stubs: its streams and their segments, or the code
// of its error. Segments are not fetched. Which text stands where, and what of a segment counts, the tests say.

/**
 * @param {any} shaka the player's build
 * @param {object} how
 * @param {new () => any} how.Parser one of its manifest parsers
 * @param {string} how.url where the manifest is
 * @param {(uri: string) => string} how.answer the text at an address
 * @param {(segment: any) => unknown} how.segment what counts of a segment
 * @returns {() => Promise<any>}
 */
export function shakaReader(shaka, { Parser, url, answer, segment }) {
  const { NetworkingEngine } = shaka.net;
  NetworkingEngine.registerScheme("https", (/** @type {string} */ uri) => {
    const data = new TextEncoder().encode(answer(uri)).buffer;
    const answered = Promise.resolve({ uri, originalUri: uri, data, headers: {} });
    return new shaka.util.AbortableOperation(answered, async () => {});
  });
  return async () => {
    const config = shaka.util.PlayerConfiguration.createDefault();
    const parser = new Parser();
    parser.configure(config.manifest, () => false);
    const networkingEngine = new NetworkingEngine();
    networkingEngine.configure(config.networking);
    try {
      const manifest = await parser.start(url, playerFace(networkingEngine));
      return await told(manifest, segment);
    } catch (error) {
      if (error instanceof shaka.util.Error) return { refused: error.code };
      throw error;
    } finally {
      await parser.stop();
    }
  };
}

/** As much of a player as a parser asks for: it answers no to all questions and does nothing. */
function playerFace(/** @type {any} */ networkingEngine) {
  const nothing = () => {};
  return new Proxy(/** @type {any} */ ({ networkingEngine, filter: async () => {} }), {
    get: (known, name) => known[name] ?? (name.toString().startsWith("is") ? () => false : nothing),
  });
}

async function told(/** @type {any} */ manifest, /** @type {(segment: any) => unknown} */ known) {
  const variants = manifest.variants.flatMap((/** @type {any} */ each) => [each.video, each.audio]);
  const streams = [...variants, ...manifest.textStreams, ...manifest.imageStreams];
  const seen = [];
  for (const stream of new Set(streams.filter(Boolean))) {
    const { originalId, type, mimeType, codecs, bandwidth, language, encrypted } = stream;
    const segments = await segmentsOf(stream, known);
    seen.push({ originalId, type, mimeType, codecs, bandwidth, language, encrypted, segments });
  }
  const timeline = manifest.presentationTimeline;
  const { isLowLatency, gapCount } = manifest;
  const [isLive, duration] = [timeline.isLive(), timeline.getDuration()];
  return { seen, isLive, duration, isLowLatency, gapCount };
}

/** What is known of each; the code where they are refused, or stand in an index that is not there. */
async function segmentsOf(
  /** @type {any} */ stream,
  /** @type {(segment: any) => unknown} */ known,
) {
  try {
    await stream.createSegmentIndex();
  } catch (error) {
    return String(/** @type {any} */ (error).code);
  }
  return [...stream.segmentIndex].filter(Boolean).map((segment) => known(segment));
}
