/**
 * The part of Shaka Player's public face that we use, 4.16 to 5.2, as shapes of our own: its type files
 * change their form between versions, and a page may have any of them.
 *
 * Nothing here runs; the tests hold it against the players' real types and behaviour.
 */

/** `shaka.extern.Request`, as filters and scheme plug-ins get it: one object for both. */
export interface ShakaRequest {
  readonly uris: readonly string[];
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly allowCrossSiteCredentials: boolean;
  readonly streamDataCallback: unknown;
  readonly retryParameters: {
    /** Milliseconds for all of it. */
    readonly timeout: number;
    /** Milliseconds to the head of the answer. */
    readonly connectionTimeout: number;
    /** Milliseconds without a byte. */
    readonly stallTimeout: number;
  };
}

/** `shaka.extern.Response`. */
export interface ShakaResponse {
  uri: string;
  originalUri: string;
  data: ArrayBuffer | ArrayBufferView;
  status?: number;
  headers: Record<string, string>;
  timeMs?: number;
  fromCache?: boolean;
  originalRequest: ShakaRequest;
}

/** `shaka.extern.RequestContext`: what a request is for. */
export interface ShakaRequestContext {
  readonly type?: number;
  /** The segment; none where an index is loaded. */
  readonly segment?: unknown;
  /** What it is a segment of: `video`, `audio` or `text`; also `image`, which is loaded by itself. */
  readonly stream?: { readonly type: string };
}

/** `shaka.extern.IAbortableOperation`. */
export interface ShakaOperation<T> {
  readonly promise: Promise<T>;
  abort(): Promise<unknown>;
}

/**
 * `shaka.extern.SchemePlugin`. Written as a method, whose arguments TypeScript compares both ways: Shaka's own request
 * has members that we do not name.
 */
export type ShakaSchemePlugin = {
  plugin(
    uri: string,
    request: ShakaRequest,
    requestType: number,
    progressUpdated: (ms: number, bytes: number, bytesRemaining: number) => void,
    headersReceived: (headers: Record<string, string>) => void,
    config: { readonly minBytesForProgressEvents?: number },
  ): ShakaOperation<ShakaResponse>;
}["plugin"];

type RequestFilter = (
  type: number,
  request: ShakaRequest,
  context?: ShakaRequestContext,
) => undefined;
type ResponseFilter = (
  type: number,
  response: ShakaResponse,
  context?: ShakaRequestContext,
) => undefined;

/** `shaka.net.NetworkingEngine`, one of a player. */
export interface ShakaNetworking {
  registerRequestFilter(filter: RequestFilter): void;
  unregisterRequestFilter(filter: RequestFilter): void;
  registerResponseFilter(filter: ResponseFilter): void;
  unregisterResponseFilter(filter: ResponseFilter): void;
}

/** `shaka.Player`. */
export interface ShakaPlayer {
  getNetworkingEngine(): ShakaNetworking | null;
  getMediaElement(): HTMLMediaElement | null;
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
}

/** What `shaka.util.Error` is made of. */
export type ShakaErrorClass = new (
  severity: number,
  category: number,
  code: number,
  ...data: unknown[]
) => Error;

/** The namespace that Shaka's script or module gives a page. */
export interface ShakaNamespace {
  readonly net: {
    readonly NetworkingEngine: {
      registerScheme(
        scheme: string,
        plugin: ShakaSchemePlugin,
        priority?: number,
        progressSupport?: boolean,
      ): void;
      unregisterScheme(scheme: string): void;
      readonly RequestType: { readonly MANIFEST: number; readonly SEGMENT: number };
      readonly AdvancedRequestType: {
        readonly MEDIA_SEGMENT: number;
        readonly MEDIA_PLAYLIST: number;
        readonly MASTER_PLAYLIST: number;
        readonly MPD: number;
      };
      readonly PluginPriority: { readonly PREFERRED: number; readonly APPLICATION: number };
    };
    readonly HttpFetchPlugin: { readonly parse: ShakaSchemePlugin };
  };
  readonly util: {
    readonly AbortableOperation: new <T>(
      promise: Promise<T>,
      onAbort: () => Promise<unknown>,
    ) => ShakaOperation<T>;
    readonly Error: ShakaErrorClass & {
      readonly Severity: { readonly RECOVERABLE: number };
      readonly Category: { readonly NETWORK: number };
      readonly Code: {
        readonly BAD_HTTP_STATUS: number;
        readonly HTTP_ERROR: number;
        readonly TIMEOUT: number;
        readonly OPERATION_ABORTED: number;
      };
    };
  };
}
