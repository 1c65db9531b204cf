/** Negative controls: a checker that cannot fail proves nothing, so here it must flag engines and stores that are broken on purpose. */
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Flight, SingleFlight } from '../../src/engine/flight.js';
import { RunningLoad } from '../../src/engine/load-context.js';
import { LocalTier } from '../../src/engine/local-tier.js';
import { NameLedger } from '../../src/engine/name-ledger.js';
import { Reporter } from '../../src/engine/reporter.js';
import { keyName } from '../../src/kernel/names.js';
import type { Store, StoredEntry } from '../../src/ports/store.js';
import type { Breakage } from './support/engine-parts.js';
import { runScenario } from './support/engine-run.js';
import { scenario, slowLoads } from './support/engine-steps.js';

/** Every control is found within this many runs, mostly within fifty. */
const RUNS = 2_000;

afterEach(() => {
  vi.restoreAllMocks();
});

/** The first of these rules that the checker finds broken. */
async function flagged(
  rules: readonly string[],
  breakage: Breakage = {},
  given = scenario,
): Promise<string | undefined> {
  let found: string | undefined;
  const property = fc.asyncProperty(given, async (one) => {
    const { violations } = await runScenario(one, breakage);
    found ??= violations.find(({ rule }) => rules.includes(rule))?.rule;
    return found === undefined;
  });
  await fc.check(property, { numRuns: RUNS, endOnFailure: true, seed: 1 });
  return found;
}

/** A store of which one part is broken. */
function broken(part: (store: Store) => Partial<Store>): Breakage {
  return {
    store: (store) => {
      const parts = part(store);
      return new Proxy(store, {
        get: (target, property) => Reflect.get(property in parts ? parts : target, property),
      });
    },
  };
}

describe('the checker flags', { timeout: 60_000 }, () => {
  it('a store that accepts fills whatever their token says', async () => {
    const breakage = broken((store) => ({
      fill: async (write) => store.fill(write, (await store.read(write.id)).token),
    }));
    expect(await flagged(['1', '7'], breakage)).toBeDefined();
  });

  it('a store that answers what was invalidated', async () => {
    const breakage = broken((store) => {
      const seen = new Map<string, StoredEntry>();
      return {
        read: async (id) => {
          const read = await store.read(id);
          const entry = read.entry ?? seen.get(id);
          if (entry !== undefined) seen.set(id, entry);
          return { ...read, entry };
        },
      };
    });
    expect(await flagged(['1', '8'], breakage)).toBeDefined();
  });

  it('a store whose delete only expires', async () => {
    const breakage = broken((store) => ({
      delete: async (id) => ({ ...(await store.invalidate([keyName(id)], 'expire')), existed: true }),
    }));
    expect(await flagged(['8'], breakage)).toBe('8');
  });

  it('a store whose entries never end', async () => {
    const breakage = broken((store) => ({
      read: async (id) => {
        const read = await store.read(id);
        const remaining = { fresh: 1e9, early: 1e9, stale: 1e9 };
        return { ...read, entry: read.entry && { ...read.entry, remaining } };
      },
    }));
    expect(await flagged(['26'], breakage)).toBe('26');
  });

  it('a store that forgets to leave a failed loader alone', async () => {
    expect(
      await flagged(
        ['16'],
        broken(() => ({ postpone: async () => undefined })),
      ),
    ).toBe('16');
  });

  it('processes without leases', async () => {
    expect(
      await flagged(
        ['12'],
        broken(() => ({ leases: undefined })),
      ),
    ).toBe('12');
  });

  it('a local tier without a lease', async () => {
    expect(await flagged(['3'], { localLease: Number.POSITIVE_INFINITY })).toBe('3');
  });

  it('a local tier that hands out what can be changed', async () => {
    expect(await flagged(['24'], { isolation: 'shared' })).toBe('24');
  });

  it('a local tier that keeps what was deleted', async () => {
    vi.spyOn(LocalTier.prototype, 'remove').mockReturnValue(false);
    expect(await flagged(['5'])).toBe('5');
  });

  it('a ledger that admits what was invalidated while it was read', async () => {
    vi.spyOn(NameLedger.prototype, 'hides').mockReturnValue(false);
    expect(await flagged(['5'])).toBe('5');
  });

  it('a ledger that lets copies outlive the invalidation of their tags', async () => {
    vi.spyOn(NameLedger.prototype, 'cellsHide').mockReturnValue(false);
    expect(await flagged(['5'])).toBe('5');
  });

  it('later calls that join earlier flights', async () => {
    vi.spyOn(NameLedger.prototype, 'invalidatedBetween').mockReturnValue(false);
    expect(await flagged(['5'])).toBe('5');
  });

  it('calls that join whatever another process may have invalidated long ago', async () => {
    vi.spyOn(LocalTier.prototype, 'vouches').mockReturnValue(true);
    expect(await flagged(['3'], {}, slowLoads)).toBe('3');
  });

  it('flights that nobody joins', async () => {
    vi.spyOn(SingleFlight.prototype, 'candidate').mockReturnValue(undefined);
    expect(await flagged(['15'])).toBe('15');
  });

  it('flights that go on although nobody waits', async () => {
    vi.spyOn(Flight.prototype, 'leave').mockReturnValue(undefined);
    expect(await flagged(['17'])).toBe('17');
  });

  it('a cache that runs the loader again when it has failed', async () => {
    const breakage: Breakage = {
      getOrSet: (cache) => async (key, loader, options) => {
        try {
          return await cache.getOrSet(key, loader, options);
        } catch {
          return await loader(new RunningLoad(key, 'miss', undefined));
        }
      },
    };
    expect(await flagged(['18'], breakage)).toBe('18');
  });

  it('calls that are not counted', async () => {
    vi.spyOn(Reporter.prototype, 'miss').mockReturnValue(undefined);
    expect(await flagged(['32'])).toBe('32');
  });

  it('names that are remembered when nothing is under way', async () => {
    vi.spyOn(NameLedger.prototype, 'end').mockReturnValue(undefined);
    expect(await flagged(['29'])).toBe('29');
  });
});
