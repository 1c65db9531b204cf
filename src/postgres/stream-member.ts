/**
 * A member of a stream: what one cache is told of what its connection hears, and how far the cache has got.
 *
 * `unheard`: it is not known yet whether the connection hears what this cache's own connections say. `heard`: it does, and the next
 * heartbeat's snapshot is where this cache begins. `following`: what it holds is as true as the heartbeats say.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { BusListener, GapReason } from '../ports/bus.js';

/** Pauses between attempts, in milliseconds. */
export const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;

/** How long to wait before the attempt after this one. */
export function nextPause(pause: number): number {
  return Math.min(pause * 2, LONGEST_PAUSE);
}

export interface StreamMemberOptions {
  readonly listener: BusListener;
  /** Sends a payload on the channel through the cache's own connections, to prove that the stream's hears them. */
  readonly echo: (payload: string) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** Who was told of a failure; members of one cache, which tell the same, are told as one. */
export type Told = Set<StreamMemberOptions['onError']>;

export class StreamMember {
  readonly #options: StreamMemberOptions;
  /** Resolves when it follows for the first time, or its first attempt has failed; until then somebody waits for it. */
  readonly begun: Promise<void>;
  #begin: (() => void) | undefined;
  #phase: 'unheard' | 'heard' | 'following' = 'unheard';
  #echo: Promise<void> = Promise.resolve();
  #received = 0;
  #gaps = 0;
  #pause = FIRST_PAUSE;
  #timer: Timer | undefined;

  constructor(options: StreamMemberOptions) {
    this.#options = options;
    this.begun = new Promise((resolve) => {
      this.#begin = resolve;
    });
  }

  get phase(): 'unheard' | 'heard' | 'following' {
    return this.#phase;
  }

  get received(): number {
    return this.#received;
  }

  get gaps(): number {
    return this.#gaps;
  }

  get isAwaited(): boolean {
    return this.#begin !== undefined;
  }

  get wantsMessages(): boolean {
    return this.#options.listener.onMessage !== undefined;
  }

  /** What it has sent through its own connections; a store must not close under it. */
  get sent(): Promise<void> {
    return this.#echo;
  }

  send(payload: string): Promise<void> {
    this.#echo = this.#options.echo(payload);
    return this.#echo;
  }

  /** The connection has heard what it sent. */
  introduced(): void {
    this.#phase = 'heard';
    this.#pause = FIRST_PAUSE;
  }

  /** A heartbeat that was sent after it was introduced has been answered: what was held before may have missed something. */
  follow(): void {
    this.#phase = 'following';
    this.gap('connected');
  }

  prove(at: number): void {
    this.#options.listener.onProven(at);
    this.#settle();
  }

  tell(hashes: readonly number[], xid: number): void {
    this.#received += hashes.length;
    this.#options.listener.onNames(hashes, xid);
  }

  gap(reason: GapReason): void {
    this.#gaps += 1;
    this.#options.listener.onGap(reason);
  }

  pass(text: string): void {
    this.#options.listener.onMessage?.(text);
  }

  /** The connection is gone, or was never made, or nobody listens any more. */
  lose(): void {
    this.#phase = 'unheard';
    this.#timer?.cancel();
    this.#settle();
  }

  fail(error: unknown, told: Told = new Set()): void {
    const { onError } = this.#options;
    if (!told.has(onError)) onError(error);
    told.add(onError);
    this.#settle();
  }

  /** After a pause that grows; the connection has not heard it, but others. */
  tryAgain(clock: Clock, introduce: () => void): void {
    this.#timer = clock.schedule(this.#pause, introduce);
    this.#pause = nextPause(this.#pause);
  }

  #settle(): void {
    this.#begin?.();
    this.#begin = undefined;
  }
}
