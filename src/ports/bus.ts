/**
 * The bus port: how a process hears what other processes have invalidated and set. What it says is a hint about the store's log,
 * which is the truth: a bus may say a thing twice, late or in any order, but between two heartbeats it must have said everything, or
 * say that it may have missed something.
 */
import type { Xid } from '../kernel/snapshot.js';

export interface BusListener {
  /** Transaction `xid` invalidated or set what these names (kernel/name-hash) stand for. May be told again. */
  onNames(hashes: readonly number[], xid: Xid): void;
  /** Everything that had committed at `at` (this process's monotonic milliseconds) has been told. */
  onProven(at: number): void;
  /** Something may have been missed: nothing held or under way can be trusted. */
  onGap(reason: GapReason): void;
  /** A message that some process published about what its cache does; any text, for anybody may send one. Undefined: none is asked for. */
  onMessage?(text: string): void;
}

/** `connected`: a connection was made, the first or a later one. `flood`: more than can be told one by one. `clock`: this process slept. */
export type GapReason = 'connected' | 'flood' | 'incarnation' | 'clock';

/** What a bus is doing, for `stats()`. */
export interface BusHealth {
  readonly state: 'connecting' | 'listening' | 'closed';
  /** Milliseconds the last heartbeat took from being sent to being applied; undefined before the first. */
  readonly lag: number | undefined;
  /** Names told so far, repetitions included. */
  readonly received: number;
  readonly gaps: number;
}

export interface Bus {
  /** Begins to listen, and keeps trying until closed. Resolves when it listens, or the first attempt has failed; never rejects. */
  listen(listener: BusListener): Promise<void>;
  readonly health: BusHealth;
  close(): Promise<void>;
}
