/** What the harness and its worker processes say to each other: commands and their answers, and reports nobody asked for. */
import type { Obligation, Read } from '../check/checker.js';
import type { HistogramJson } from '../report/histogram.js';

/** The broken protocols that the checker must flag. */
export type Control = (typeof CONTROLS)[number];

export const CONTROLS = ['delete-then-notify', 'skewed-clock', 'no-flush'] as const;

/** The decorated methods that readers call. */
export type Method = (typeof METHODS)[number];

export const METHODS = ['cached', 'early', 'failover'] as const;

/**
 * Kinds of writes. `transactional`: the invalidation is part of the transaction. `afterwards`: it follows the commit, and is lost with a process
 * that dies in between. `namespace`: likewise, of everything at once. `stored`: what is true now is set while the row is locked, so that nobody
 * changes it meanwhile; whoever loses the lock without ending (a server that is killed) could set what is old by then, whatever the cache does.
 */
export type WriteKind = (typeof WRITE_KINDS)[number];

export const WRITE_KINDS = ['transactional', 'afterwards', 'namespace', 'stored'] as const;

/** What a worker is told when it starts. */
export interface WorkerSetup {
  readonly worker: number;
  readonly subject: 'keepsake' | Control;
  readonly seed: number;
  readonly keys: number;
  readonly readers: number;
  readonly writers: number;
  /** For the cache; may go through a proxy. */
  readonly connection: string;
  readonly listenConnection: string;
  /** For the application's own data: always direct. */
  readonly source: string;
  readonly schema: string;
  readonly channel: string;
  readonly localLease: number;
  readonly loadDeadline: number;
  /** Milliseconds from sweep to sweep. */
  readonly sweepEvery: number;
  /** Milliseconds writers pause after a write, at most. */
  readonly writePause: number;
  /** How far this process's wall clock is off, in milliseconds. */
  readonly skew: number;
}

/** What a worker knows of a slot: method and key; `undefined` = nothing. */
export interface Contents {
  readonly method: Method;
  readonly key: number;
  readonly local: number | undefined;
  readonly shared: number | undefined;
}

/** What happened since the last report. */
export interface Report {
  /** Until when it is complete. */
  readonly until: number;
  readonly obligations: readonly Omit<Obligation, 'worker'>[];
  readonly reads: readonly Omit<Read, 'worker'>[];
  readonly totals: Totals;
}

/** Numbers since the load began. */
export interface Totals {
  readonly reads: number;
  readonly writes: number;
  readonly rolledBack: number;
  /** Reads that the loader's own failure ended: its database was away, or the harness let it fail. */
  readonly failedLoads: number;
  readonly loads: number;
  readonly localHits: number;
  readonly sharedHits: number;
  readonly stale: number;
  readonly bypassed: number;
  readonly latency: HistogramJson;
  /** Longest time the event loop did nothing, in milliseconds: what the machine did to us. */
  readonly stall: number;
  readonly gaps: number;
}

/** What commands take and answer. */
export interface Commands {
  /** Opens the cache. */
  open: { readonly argument: WorkerSetup; readonly answer: null };
  /** Begins the load; totals begin at nothing. */
  start: { readonly argument: { readonly writes: readonly WriteKind[] }; readonly answer: null };
  /** Ends the load; answers when everything it began has ended, and nothing is owed. */
  stop: { readonly argument: null; readonly answer: null };
  /** Reads every key by every method, so that local tiers hold what they can. */
  warm: { readonly argument: null; readonly answer: null };
  /** What the tiers hold, without loading anything. */
  contents: { readonly argument: null; readonly answer: readonly Contents[] };
  /** Calls a method of a key of its own whose load takes `ms`; answers whether this process's loader ran, and when the value was there. */
  load: {
    readonly argument: { readonly name: string; readonly ms: number };
    readonly answer: { readonly ran: number; readonly at: number };
  };
  /** Sets this process's wall clock off. */
  shift: { readonly argument: { readonly ms: number }; readonly answer: null };
  /** A transaction that changes a row, invalidates it and stays open for `ms`. */
  linger: { readonly argument: { readonly key: number; readonly ms: number }; readonly answer: null };
  /** Invalidates so many tags that nobody uses, in one statement. */
  flood: { readonly argument: { readonly tags: number }; readonly answer: null };
  close: { readonly argument: null; readonly answer: null };
}

/** From the worker, without being asked. */
export type Told =
  | { readonly kind: 'ready' }
  | { readonly kind: 'report'; readonly report: Report }
  | { readonly kind: 'violation'; readonly rule: '27'; readonly text: string }
  /** The loader of command `load` has begun. */
  | { readonly kind: 'loading'; readonly name: string }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly text: string };
