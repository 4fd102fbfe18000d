/**
 * The part of dash.js's face that we use, version 5, as shapes of our own: its type file leaves loaders out.
 *
 * Nothing here runs; the tests hold it against the real player.
 */

/** What a `FragmentRequest` says of itself, as far as we read it. */
export interface DashFragmentRequest {
  /** `MPD`, `MediaSegment`, `InitializationSegment` and others. */
  readonly type: string | null;
  /** The segment's place in its list; `NaN` where an index is loaded. */
  readonly index?: number;
  readonly mediaType?: "video" | "audio" | "text";
}

/** `{ loaded, total, time }` of a request, as `onprogress` takes it. */
export interface DashProgress {
  readonly loaded: number;
  readonly total: number;
  readonly lengthComputable: boolean;
  /** Milliseconds since the last one; else dash.js takes its own clock's. */
  readonly time?: number;
}

/** `CommonMediaRequest`: one for each attempt. */
export interface DashRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: string;
  /** Milliseconds; 0 for none. */
  readonly timeout: number;
  /** Callbacks and what dash.js wants to know again. Who aborts takes `onloadend` and `onprogress` away first. */
  readonly customData: {
    readonly request?: DashFragmentRequest;
    onloadend?: ((event?: unknown) => void) | undefined;
    onprogress?: ((progress: DashProgress) => void) | undefined;
    onabort?: ((event?: unknown) => void) | undefined;
    ontimeout?: ((event: unknown) => void) | undefined;
    abort?: (() => void) | undefined;
  };
}

/** `CommonMediaResponse`: the loader fills it in before `onloadend`. */
export interface DashResponse {
  url?: string;
  status?: number;
  statusText?: string;
  headers?: Record<string, string>;
  data?: unknown;
}

/** What dash.js calls of its `XHRLoader`. */
export interface DashLoader {
  load(request: DashRequest, response: DashResponse): unknown;
  abort(request?: DashRequest): void;
  reset(): void;
  resetInitialSettings(): void;
}

/** What dash.js calls in place of its `XHRLoader`: `this.parent` is the one that it overrides. */
export type DashLoaderFactory = (this: { readonly parent: DashLoader }) => DashLoader;

/** `dashjs.MediaPlayerClass`. */
export interface DashPlayer {
  extend(name: string, factory: object, override: boolean): void;
  on(type: string, listener: () => void): void;
  off(type: string, listener: () => void): void;
  getVideoElement(): HTMLMediaElement;
}
