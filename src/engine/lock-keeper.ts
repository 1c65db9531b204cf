/**
 * The lock keeper: takes locks for callers of this process. While somebody else holds one it asks again and again, with pauses that grow; a
 * release in this very process ends the pause of those who wait here.
 */
import { randomUUID } from 'node:crypto';
import { LockError, StoreError } from '../errors.js';
import type { Clock } from '../kernel/clock.js';
import { LOCK_DEFAULTS } from '../kernel/defaults.js';
import { parseDuration } from '../kernel/duration.js';
import { refuse } from '../kernel/expectation.js';
import { MAX_ID_BYTES, qualify } from '../kernel/names.js';
import type { Duration } from '../kernel/policy.js';
import { checkText } from '../kernel/tags.js';
import type { Background } from './background.js';
import { HeldLock } from './held-lock.js';
import type { Reporter } from './reporter.js';
import type { StoreGuard } from './store-guard.js';

/** What `lock` takes. */
export interface LockOptions {
  /**
   * After which time a lock that is not renewed passes on: its holder was killed, stopped or cut off. At least 100 ms. A holder that lives
   * renews it every third of that time. Default 30 s.
   */
  readonly expire?: Duration | undefined;
  /** How long to wait while somebody else holds it; 0 = not at all. Finite. Default 30 s. */
  readonly wait?: Duration | undefined;
  /** Gives up waiting when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

const KNOWN: readonly string[] = ['expire', 'wait', 'signal'] satisfies readonly (keyof LockOptions)[];

/** The options with every default filled in; durations in milliseconds. */
export interface ResolvedLockOptions {
  readonly expire: number;
  readonly wait: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Fills in the defaults.
 *
 * @throws ConfigurationError `INVALID_POLICY`
 */
export function resolveLockOptions(options: LockOptions, subject: string): ResolvedLockOptions {
  if (Object(options) !== options) {
    throw refuse({ option: 'options', expected: "an object such as { expire: '30s' }", got: options, subject });
  }
  for (const option of Object.keys(options)) {
    if (!KNOWN.includes(option)) throw refuse({ option, expected: `one of ${KNOWN.join(', ')}`, got: option, subject });
  }
  const { expire = LOCK_DEFAULTS.expire, wait = LOCK_DEFAULTS.wait, signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw refuse({ option: 'signal', expected: 'an AbortSignal', got: signal, subject });
  }
  const lasts = parseDuration(expire, 'expire', { subject });
  if (lasts < LOCK_DEFAULTS.shortest) {
    throw refuse({ option: 'expire', expected: `at least ${LOCK_DEFAULTS.shortest} ms`, got: expire, subject });
  }
  return { expire: lasts, wait: parseDuration(wait, 'wait', { zero: 'allowed', subject }), signal };
}

/** Pauses between two questions, in milliseconds; each is shortened at random, so that those who wait do not all ask at once. */
const FIRST_PAUSE = 10;
const LONGEST_PAUSE = 250;

export interface LockKeeperOptions {
  readonly namespace: string;
  readonly store: StoreGuard;
  readonly clock: Clock;
  readonly background: Background;
  readonly reporter: Reporter;
  /** From 0 to 1. */
  readonly random: () => number;
}

export class LockKeeper {
  readonly #options: LockKeeperOptions;
  readonly #held = new Set<HeldLock>();
  /** Ends the pauses of those who wait for a name here. */
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(options: LockKeeperOptions) {
    this.#options = options;
  }

  /** Locks held by this process. */
  get size(): number {
    return this.#held.size;
  }

  /**
   * Takes the lock of `name`.
   *
   * @throws LockError `LOCK_TIMEOUT`; the reason of `signal`; StoreError; ConfigurationError for a name that cannot be one
   */
  async acquire(name: string, { expire, wait, signal }: ResolvedLockOptions): Promise<HeldLock> {
    const { clock, store, namespace, random } = this.#options;
    checkText(name, 'name', 'lock()');
    const stored = qualify(namespace, name, MAX_ID_BYTES);
    const holder = randomUUID();
    const until = clock.monotonic() + wait;
    const { locks } = store;
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
      signal?.throwIfAborted();
      const asked = clock.monotonic();
      const fence = await this.#ask(stored, holder, () => locks.acquire(stored, holder, expire));
      const isHeld = fence !== undefined && clock.monotonic() < asked + expire;
      if (isHeld && signal?.aborted !== true) return this.#hold({ name, stored, holder, fence, expire, asked });
      if (fence !== undefined) this.#giveBack(stored, holder);
      signal?.throwIfAborted();
      const left = until - clock.monotonic();
      if (left <= 0)
        throw new LockError('LOCK_TIMEOUT', `The lock \`${name}\` was held by somebody else for ${wait} ms`);
      await this.#pause(stored, Math.min(pause * (0.5 + random() / 2), left), signal);
    }
  }

  /** Renews nothing any more: holders are told that their locks are lost, and the store lets them expire. */
  close(): void {
    for (const lock of this.#held) lock.abandon();
  }

  #hold(
    parts: Pick<HeldLock, 'name' | 'fence'> & { stored: string; holder: string; expire: number; asked: number },
  ): HeldLock {
    const { store, clock, reporter } = this.#options;
    const lock = new HeldLock({
      ...parts,
      ...{ locks: store.locks, clock, reporter },
      onEnd: (ended) => this.#held.delete(ended),
      onReleased: () => this.#wake(parts.stored),
    });
    this.#held.add(lock);
    return lock;
  }

  /** A question whose answer is unknown may have been granted. */
  async #ask<T>(stored: string, holder: string, question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      if (error instanceof StoreError && error.outcome === 'unknown') this.#giveBack(stored, holder);
      this.#options.reporter.error({ key: undefined }, 'lock', error);
      throw error;
    }
  }

  #giveBack(stored: string, holder: string): void {
    this.#options.background.run(`give back ${holder}`, async () => {
      await this.#options.store.locks.release(stored, holder);
    });
  }

  #wake(stored: string): void {
    for (const wake of this.#waiting.get(stored) ?? []) wake();
  }

  #pause(stored: string, ms: number, signal: AbortSignal | undefined): Promise<void> {
    const sleepers = this.#waiting.get(stored) ?? new Set();
    this.#waiting.set(stored, sleepers);
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel();
        signal?.removeEventListener('abort', wake);
        sleepers.delete(wake);
        if (sleepers.size === 0 && this.#waiting.get(stored) === sleepers) this.#waiting.delete(stored);
        resolve();
      };
      const timer = this.#options.clock.schedule(ms, wake, 'awaited');
      signal?.addEventListener('abort', wake, { once: true });
      sleepers.add(wake);
    });
  }
}
