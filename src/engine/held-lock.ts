/**
 * A lock that this process holds: renewed every third of its time until it is released. What decides is the store; what this process knows
 * is when it last had an answer, so from `expire` after that question on it says that the lock is lost.
 */
import { LockError } from '../errors.js';
import type { Clock, Timer } from '../kernel/clock.js';
import type { Locks } from '../ports/locks.js';
import type { Reporter } from './reporter.js';

/** How a lock ended. `lost`: it had expired. `unknown`: the store did not answer; it passes on at its time. */
export type LockEnding = 'released' | 'lost' | 'unknown';

/** A lock that is held. */
export interface Lock extends AsyncDisposable {
  /** The name as it was given. */
  readonly name: string;
  /**
   * Greater than that of every acquisition of this name before. Give it to what the lock protects, and have it refuse smaller ones than it has
   * seen: that is safe even when this process is stopped for longer than `expire`, and goes on.
   */
  readonly fence: number;
  /** Aborts, with a LockError `LOCK_LOST`, when the lock has expired under its holder, and when the cache is closed. */
  readonly lost: AbortSignal;
  /** Gives it back; never rejects. Calling it again answers the same. */
  release(): Promise<LockEnding>;
}

export interface HeldLockParts {
  readonly name: string;
  /** As the store has it, and whose it is there. */
  readonly stored: string;
  readonly holder: string;
  readonly fence: number;
  /** Milliseconds. */
  readonly expire: number;
  /** When the store was asked for it, by the monotonic clock. */
  readonly asked: number;
  readonly locks: Locks;
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** Called once, when it is held no longer: lost, or about to be given back. */
  readonly onEnd: (lock: HeldLock) => void;
  /** Called when it was given back. */
  readonly onReleased: () => void;
}

/** Renewals in one `expire`, so that one or two may fail. */
const RENEWALS = 3;

export class HeldLock implements Lock {
  readonly #parts: HeldLockParts;
  readonly #controller = new AbortController();
  #state: 'held' | 'ended' = 'held';
  #until: number;
  #renewal: Timer | undefined;
  #expiry: Timer | undefined;
  /** The question under way: a release is sent after it. */
  #renewing: Promise<void> = Promise.resolve();
  #ending: Promise<LockEnding> | undefined;

  constructor(parts: HeldLockParts) {
    this.#parts = parts;
    this.#until = parts.asked + parts.expire;
    this.#schedule();
  }

  get name(): string {
    return this.#parts.name;
  }

  get fence(): number {
    return this.#parts.fence;
  }

  get lost(): AbortSignal {
    return this.#controller.signal;
  }

  release(): Promise<LockEnding> {
    this.#ending ??= this.#release();
    return this.#ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** Stops holding on to it, because the cache is closed; whoever relies on it is told. */
  abandon(): void {
    if (this.#state === 'held') this.#end(this.#lossOf('the cache was closed, and nobody renews it'));
  }

  #schedule(): void {
    const { clock, expire } = this.#parts;
    this.#renewal?.cancel();
    this.#expiry?.cancel();
    this.#renewal = clock.schedule(expire / RENEWALS, () => {
      this.#renewing = this.#renew();
    });
    this.#expiry = clock.schedule(this.#until - clock.monotonic(), () => this.#lose());
  }

  async #renew(): Promise<void> {
    const { clock, locks, stored, holder, expire, reporter } = this.#parts;
    const asked = clock.monotonic();
    try {
      const answer = await locks.renew(stored, holder, expire);
      if (this.#state === 'ended') return;
      if (answer === 'lost') {
        this.#lose();
        return;
      }
      this.#until = asked + expire;
    } catch (error) {
      reporter.error({ key: undefined }, 'lock', error);
    }
    if (this.#state === 'held') this.#schedule();
  }

  async #release(): Promise<LockEnding> {
    const { clock, locks, stored, holder, reporter } = this.#parts;
    if (this.#state === 'held' && clock.monotonic() >= this.#until) this.#lose();
    if (this.#state === 'ended') return 'lost';
    this.#end(undefined);
    await this.#renewing;
    try {
      const ending = await locks.release(stored, holder);
      this.#parts.onReleased();
      return ending;
    } catch (error) {
      reporter.error({ key: undefined }, 'lock', error);
      return 'unknown';
    }
  }

  #lose(): void {
    if (this.#state === 'ended') return;
    const error = this.#lossOf(`it was not renewed within ${this.#parts.expire} ms`);
    this.#end(error);
    this.#parts.reporter.error({ key: undefined }, 'lock', error);
  }

  #lossOf(reason: string): LockError {
    return new LockError('LOCK_LOST', `The lock \`${this.name}\` is lost: ${reason}`);
  }

  #end(loss: LockError | undefined): void {
    this.#state = 'ended';
    this.#renewal?.cancel();
    this.#expiry?.cancel();
    this.#parts.onEnd(this);
    if (loss !== undefined) this.#controller.abort(loss);
  }
}
