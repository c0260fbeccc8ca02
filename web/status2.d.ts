/** Types of the browser client; docs/clients.md says how to use it. */

export interface WatchOptions {
  /**
   * Number of lines to get before the live ones, at most. Also after a
   * connection that the broker cannot go on from. Default 0: the live ones.
   */
  tail?: number;
  /** Id of the last line that the page has, from an earlier `lastId`. */
  since?: string;
  /**
   * A token for the broker's `STATUS_JWT_KEY_FILE`. A WebSocket carries it as
   * the subprotocol `status2.bearer.<token>`; for an event stream it gets a
   * ticket (`POST v1/tickets`). A function is called for each attempt, and at
   * three quarters of the token's life: the new token goes over the open
   * WebSocket. If it fails, the attempt has failed.
   */
  token?: string | (() => string | Promise<string>);
  /**
   * Event streams from another origin carry cookies (WebSockets always do).
   * Default false.
   */
  withCredentials?: boolean;
  /** Aborted: the same as `close()`. */
  signal?: AbortSignal;
  /**
   * Seconds between two heartbeats of the broker, `STATUS_PING_INTERVAL`.
   * After three without a frame the page asks, after four and a quarter of a
   * second it opens a new connection. Default 5.
   */
  heartbeat?: number;
  /** Lines that wait in an iterator, at most. Default 1000. */
  buffer?: number;
  /**
   * Tabs of the same origin that watch the same address with the same `tail`
   * share one connection. Needs a secure context, else each has its own.
   * Default false.
   */
  share?: boolean;
}

/**
 * - `connecting`: no connection, or the broker has not subscribed yet.
 * - `live`: a line that is published now arrives.
 * - `stale`: nothing was heard for three heartbeats, nor an answer.
 * - `closed`: for good.
 */
export type State = 'connecting' | 'live' | 'stale' | 'closed';

export interface StateChange {
  state: State;
  /**
   * - `connecting`: `code 1006` and other close codes, `silence`, `stream`,
   *   `token` (none was to be had, or no ticket for it), `pagehide`.
   * - `closed`: `closed`, `aborted`, `hangup` (the broker said that there is
   *   nothing more), or the text of an error that another attempt cannot cure.
   */
  reason: string;
}

/** Lines may be missing here. */
export interface Gap {
  /** RFC 3339; absent: not known. */
  since?: string;
  until: string;
  cause: 'redis' | 'restart' | 'slow' | 'evicted' | 'elsewhere' | string;
}

/** The lines that were missed have come; from here on they are live. */
export interface Resumed {
  /** False: lines may be missing; a gap says where. */
  complete: boolean;
  replayed: number;
}

/** A line. */
export interface LineEvent extends MessageEvent<string> {
  /**
   * The last word of the channel, in front of the lines that were asked for:
   * between the two lines may be missing without a gap.
   */
  readonly latched: boolean;
}

/** `data` is what happened, `lastEventId` the id to come back with. */
export interface LinesEventMap {
  message: LineEvent;
  gap: MessageEvent<Gap>;
  resumed: MessageEvent<Resumed>;
  state: MessageEvent<StateChange>;
}

export interface Lines extends EventTarget, AsyncIterable<string> {
  readonly state: State;
  readonly reason: string;
  /** Id to come back with, as `since`; empty: nothing has come yet. */
  readonly lastId: string;
  /** Gaps so far. */
  readonly missed: number;
  /** Lines that iterators dropped because their loop was too slow. */
  readonly dropped: number;
  /** Ends it for good: connection, timer and listeners. */
  close(): void;
  addEventListener<K extends keyof LinesEventMap>(
    type: K,
    listener: (this: Lines, event: LinesEventMap[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof LinesEventMap>(
    type: K,
    listener: (this: Lines, event: LinesEventMap[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/**
 * Watches a channel until it is closed, through whatever happens to the
 * connection. `url` may be relative, of http, https, ws or wss.
 *
 * Throws TypeError if `url` is not a URL.
 */
export function watch(url: string | URL, options?: WatchOptions): Lines;
