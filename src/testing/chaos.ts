/**
 * Chaos: collaborators of a cache that fail as a test says: with an error, late, or not at all. By chance, from a seed, so that what went
 * wrong once goes wrong again; or always, for a test that wants to see one failure.
 */
import { StoreError } from '../errors.js';
import { type Clock, systemClock } from '../kernel/clock.js';
import type { Codec } from '../kernel/codec.js';
import { refuse } from '../kernel/expectation.js';
import type { Bus, BusListener } from '../ports/bus.js';
import type { Store } from '../ports/store.js';

/** What may happen to a call. Probabilities are from 0 (default) to 1; of several one happens at most. */
export interface Trouble {
  /** It fails at once, and is not carried out. */
  readonly throws?: number | undefined;
  /** It is carried out, and its answer is lost: it fails afterwards. */
  readonly loses?: number | undefined;
  /** It is carried out after `delayMs`. */
  readonly delays?: number | undefined;
  /** Milliseconds. Default 100. */
  readonly delayMs?: number | undefined;
  /** It is not carried out, and never answered. */
  readonly hangs?: number | undefined;
  /** What it fails with. Default: StoreError, of a codec an Error. */
  readonly error?: (() => unknown) | undefined;
}

export interface ChaosOptions {
  /** The same seed brings the same trouble to the same calls. Default 1. */
  readonly seed?: number | undefined;
  /** What delays are measured by; give the cache's. Default: the process's. */
  readonly clock?: Clock | undefined;
}

type Happening = 'nothing' | 'throws' | 'loses' | 'delays' | 'hangs';

/** Methods that are left in peace: a test opens and closes what it tests. */
const PEACEFUL: ReadonlySet<PropertyKey> = new Set(['open', 'close', 'then']);

/**
 * A source of trouble, and the collaborators it befalls. It begins calm; `trouble` says from when on what may happen.
 *
 * @example
 * const chaos = new Chaos({ seed: 42 });
 * const cache = await createCache({ store: chaos.store(createTestStore()), codec: chaos.codec(createSuperjsonCodec()) });
 * chaos.trouble = { hangs: 1 };      // the store says nothing any more
 * chaos.trouble = { throws: 0.2 };   // one call in five is refused
 * chaos.trouble = {};                // all is well
 */
export class Chaos {
  readonly #clock: Clock;
  #state: number;
  #trouble: Trouble = {};
  /** How often each thing has happened. */
  readonly happened: Record<Happening, number> = { nothing: 0, throws: 0, loses: 0, delays: 0, hangs: 0 };

  constructor({ seed = 1, clock = systemClock }: ChaosOptions = {}) {
    this.#state = seed >>> 0;
    this.#clock = clock;
  }

  get trouble(): Trouble {
    return this.#trouble;
  }

  /** @throws ConfigurationError `INVALID_OPTION` for what is no probability, or more than 1 together */
  set trouble(trouble: Trouble) {
    const { throws = 0, loses = 0, delays = 0, hangs = 0 } = trouble;
    const all = { throws, loses, delays, hangs };
    for (const [option, chance] of Object.entries(all)) {
      if (!(chance >= 0 && chance <= 1))
        throw refuse({ option, expected: 'a probability from 0 to 1', got: chance, code: 'INVALID_OPTION' });
    }
    if (throws + loses + delays + hangs > 1)
      throw refuse({ option: 'trouble', expected: 'at most 1 in all', got: trouble, code: 'INVALID_OPTION' });
    this.#trouble = trouble;
  }

  /** A store whose calls, those of its leases, locks and counters included, meet trouble. */
  store(inner: Store): Store {
    return this.#befallen(inner);
  }

  /** A codec that throws by the same chances; it cannot be late. */
  codec(inner: Codec): Codec {
    const meet = (): void => {
      if (this.#happens() === 'throws') throw this.#failure(new Error('The codec met chaos'));
    };
    return {
      name: inner.name,
      encode(value) {
        meet();
        return inner.encode(value);
      },
      decode(encoded) {
        meet();
        return inner.decode(encoded);
      },
    };
  }

  /** A bus whose news come late (`delays`) or never (`throws`, `loses`, `hangs`). A cache must not depend on them for more than speed. */
  bus(inner: Bus): Bus {
    const late = (tell: () => void): void => {
      const happening = this.#happens();
      if (happening === 'delays') this.#clock.schedule(this.#trouble.delayMs ?? 100, tell);
      else if (happening === 'nothing') tell();
    };
    const around = (listener: BusListener): BusListener => ({
      onNames: (hashes, xid) => late(() => listener.onNames(hashes, xid)),
      onProven: (at) => listener.onProven(at),
      onGap: (reason) => listener.onGap(reason),
    });
    return {
      listen: (listener) => inner.listen(around(listener)),
      get health() {
        return inner.health;
      },
      close: () => inner.close(),
    };
  }

  #befallen<Target extends object>(inner: Target): Target {
    return new Proxy(inner, {
      get: (target, property) => {
        const own: unknown = Reflect.get(target, property, target);
        if (typeof own === 'object' && own !== null && property !== 'transactions') return this.#befallen(own);
        if (typeof own !== 'function') return own;
        if (PEACEFUL.has(property)) return own.bind(target) as unknown;
        return (...args: unknown[]) => this.#meet(String(property), () => Reflect.apply(own, target, args) as unknown);
      },
    });
  }

  async #meet(call: string, carryOut: () => unknown): Promise<unknown> {
    const happening = this.#happens();
    if (happening === 'throws') throw this.#failure(new StoreError(`${call} met chaos`, { outcome: 'failed' }));
    if (happening === 'hangs') return await new Promise(() => undefined);
    if (happening === 'delays')
      await new Promise<void>((resolve) => this.#clock.schedule(this.#trouble.delayMs ?? 100, resolve));
    const answer = await carryOut();
    if (happening === 'loses')
      throw this.#failure(new StoreError(`The answer of ${call} was lost`, { outcome: 'unknown' }));
    return answer;
  }

  #failure(byDefault: Error): unknown {
    return this.#trouble.error === undefined ? byDefault : this.#trouble.error();
  }

  #happens(): Happening {
    const { throws = 0, loses = 0, delays = 0, hangs = 0 } = this.#trouble;
    let left = this.#random();
    const happening = (
      [
        ['throws', throws],
        ['loses', loses],
        ['delays', delays],
        ['hangs', hangs],
      ] as const
    ).find(([, chance]) => {
      left -= chance;
      return left < 0;
    });
    const what = happening?.[0] ?? 'nothing';
    this.happened[what] += 1;
    return what;
  }

  /** From 0 (included) to 1 (not). Source: mulberry32 by T. Ettinger. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
