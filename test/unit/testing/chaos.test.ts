import { describe, expect, it } from 'vitest';
import { createSuperjsonCodec } from '../../../src/codec/superjson-codec.js';
import { NameLedger } from '../../../src/engine/name-ledger.js';
import { ConfigurationError, StoreError } from '../../../src/errors.js';
import { nameHash } from '../../../src/kernel/name-hash.js';
import type { Bus, BusListener } from '../../../src/ports/bus.js';
import { Chaos, createTestStore, FakeClock } from '../../../src/testing/main.js';
import { TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

describe('chaos', () => {
  it('a store fails as told, and works when all is well', async () => {
    const clock = new FakeClock();
    const chaos = new Chaos({ clock });
    const store = chaos.store(createTestStore({ clock }));
    expect((await store.read('id')).entry).toBeUndefined();
    chaos.trouble = { throws: 1 };
    await expect(store.read('id')).rejects.toMatchObject({ outcome: 'failed' });
    chaos.trouble = { throws: 1, error: () => new TypeError('mine') };
    await expect(store.read('id')).rejects.toThrow(TypeError);
    chaos.trouble = { loses: 1 };
    await expect(store.invalidate(['k|x'], 'delete')).rejects.toMatchObject({ outcome: 'unknown' });
    chaos.trouble = { delays: 1, delayMs: 50 };
    let answered = false;
    const late = store.read('id').then(() => {
      answered = true;
    });
    await clock.advanceAsync(49);
    expect(answered).toBe(false);
    await clock.advanceAsync(1);
    await late;
    chaos.trouble = { hangs: 1 };
    let ended = false;
    void store.read('id').finally(() => {
      ended = true;
    });
    await clock.advanceAsync(3_600_000);
    expect(ended).toBe(false);
    chaos.trouble = {};
    await store.read('id');
    expect(chaos.happened).toEqual({ nothing: 2, throws: 2, loses: 1, delays: 1, hangs: 1 });
  });

  it('the same seed brings the same trouble', async () => {
    const run = async (seed: number): Promise<string> => {
      const chaos = new Chaos({ seed });
      const store = chaos.store(createTestStore());
      chaos.trouble = { throws: 0.5 };
      const results = await Promise.allSettled(Array.from({ length: 40 }, () => store.read('id')));
      return results.map(({ status }) => status[0]).join('');
    };
    expect(await run(7)).toBe(await run(7));
    expect(await run(7)).not.toBe(await run(8));
    expect(await run(7)).toMatch(/r.*f|f.*r/);
  });

  it('what is no probability is refused', () => {
    const chaos = new Chaos();
    for (const trouble of [{ throws: 2 }, { hangs: -1 }, { delays: Number.NaN }, { throws: 0.6, hangs: 0.6 }])
      expect(() => {
        chaos.trouble = trouble;
      }).toThrow(ConfigurationError);
  });

  it('a bus whose news are lost', async () => {
    const chaos = new Chaos();
    const ledger = new NameLedger();
    ledger.hold('t|t');
    let listener: BusListener | undefined;
    const inner: Bus = {
      listen: async (given) => {
        listener = given;
      },
      health: { state: 'listening', lag: 0, received: 0, gaps: 0 },
      close: async () => undefined,
    };
    await chaos.bus(inner).listen({
      onNames: (hashes, xid) => ledger.learnHashes(hashes, xid),
      onProven: () => undefined,
      onGap: () => undefined,
    });
    chaos.trouble = { loses: 1 };
    listener?.onNames([nameHash('t|t')], 5);
    expect(ledger.now).toBe(0);
    chaos.trouble = {};
    listener?.onNames([nameHash('t|t')], 5);
    expect(ledger.now).toBe(1);
  });
});

describe('INVARIANT 18 and 27 under chaos', () => {
  it.each([1, 2, 3])(
    'whatever a store and a codec do, every call gets its value and its loader runs once (seed %i)',
    async (seed) => {
      const cluster = new TestCluster();
      const chaos = new Chaos({ seed, clock: cluster.clock });
      const { cache } = await cluster.process({
        store: chaos.store(cluster.store()),
        codec: chaos.codec(createSuperjsonCodec({ onClass: () => undefined })),
      });
      chaos.trouble = { throws: 0.2, loses: 0.1, delays: 0.2, delayMs: 300, hangs: 0.1 };
      for (let n = 0; n < 60; n += 1) {
        let loads = 0;
        const call = cache.getOrSet(`key ${n}`, () => {
          loads += 1;
          return n;
        });
        const removed = cache.delete(`key ${n - 1}`).catch((error: unknown) => error);
        const decorated = cache.invalidateTagsSurely([`tag ${n}`], 'delete');
        for (let turn = 0; turn < 8; turn += 1) await cluster.clock.advanceAsync(500);
        expect(await call).toBe(n);
        expect(loads).toBe(1);
        const outcome = await removed;
        if (typeof outcome !== 'boolean') expect(outcome).toBeInstanceOf(StoreError);
        await decorated;
      }
      chaos.trouble = {};
      await cluster.clock.advanceAsync(120_000);
      await turnOfTheLoop();
      expect(cache.stats()).toMatchObject({ owed: 0, store: { breaker: 'closed' } });
    },
  );
});
