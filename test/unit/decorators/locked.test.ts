import { describe, expect, it } from 'vitest';
import { Cached } from '../../../src/decorators/cached.js';
import { InvalidateTags } from '../../../src/decorators/invalidate-tags.js';
import { Locked } from '../../../src/decorators/locked.js';
import { ConfigurationError } from '../../../src/errors.js';
import { Gate } from '../../support/test-cache.js';
import { applyLegacy, cacheName, infoOf, open, refusal } from './support.js';

const failureOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe('@Locked', () => {
  it('calls with one key run one after the other, in all processes; with another key beside them', async () => {
    const name = cacheName();
    const { cluster } = await open(name);
    const there = await cluster.process();
    const gate = new Gate<string>();
    class Accounts {
      @Locked('account:{id}', { cache: name, expire: '10s' })
      async close(id: number): Promise<string> {
        return `${id} ${await gate.load()}`;
      }
    }
    const accounts = new Accounts();
    const calls = [accounts.close(1), accounts.close(1), accounts.close(2)];
    await gate.begun(2);
    await cluster.clock.advanceAsync(2_000);
    expect(gate.calls).toBe(2);
    expect(await failureOf(there.cache.lock('account:1', { wait: 0 }))).toMatchObject({ code: 'LOCK_TIMEOUT' });
    gate.open('a');
    gate.open('b');
    await gate.begun(3);
    gate.open('c');
    expect(await Promise.all(calls)).toEqual(['1 a', '1 c', '2 b']);
    await there.cache.lock('account:1', { wait: 0 });
  });

  it('never runs the method without its lock', async () => {
    const name = cacheName();
    let runs = 0;
    class Accounts {
      @Locked({ key: 'account:{0}', cache: name, wait: 0, useCase: 'closing' })
      async close(_id: number | undefined): Promise<number> {
        runs += 1;
        return runs;
      }
    }
    const accounts = new Accounts();
    expect(await failureOf(accounts.close(1))).toMatchObject({ code: 'NOT_CONFIGURED' });
    const { cluster } = await open(name);
    const there = await cluster.process();
    await using _lock = await there.cache.lock('account:1');
    expect(await failureOf(accounts.close(1))).toMatchObject({ code: 'LOCK_TIMEOUT' });
    expect(await failureOf(accounts.close(undefined))).toMatchObject({ code: 'MISSING_KEY_VALUE' });
    expect(runs).toBe(0);
    expect(await accounts.close(2)).toBe(1);
    expect(infoOf(accounts.close)).toMatchObject({
      role: 'locks',
      useCase: 'closing',
      key: 'account:{0}',
      cache: name,
    });
  });

  it('passes errors of the method on, and gives the lock back', async () => {
    const name = cacheName();
    const { cache } = await open(name);
    const failure = new Error('constraint');
    class Accounts {
      @Locked((id: number) => `account:${id}`, { cache: name })
      async close(_id: number): Promise<never> {
        throw failure;
      }
    }
    expect(await failureOf(new Accounts().close(1))).toBe(failure);
    await cache.lock('account:1', { wait: 0 });
  });

  it('stands beside @InvalidateTags in either order; both name the parameters of the method', async () => {
    const name = cacheName();
    const { cache, recorder } = await open(name);
    class Accounts {
      @Locked('account:{id}', { cache: name })
      @InvalidateTags({ tags: ['account:{id}'], cache: name })
      async above(id: number): Promise<number> {
        return id;
      }

      @InvalidateTags({ tags: ['account:{id}'], cache: name })
      @Locked('account:{id}', { cache: name })
      async below(id: number): Promise<number> {
        return id;
      }
    }
    for (const method of ['above', 'below'] as const) {
      await cache.set('k', 1, { tags: ['account:7'] });
      expect(await new Accounts()[method](7)).toBe(7);
      expect(await cache.has('k')).toBe(false);
    }
    expect(recorder.of('error')).toEqual([]);
  });

  it('works in legacy mode', async () => {
    const name = cacheName();
    const { cache } = await open(name);
    class Accounts {
      async close(id: number): Promise<string> {
        return (await failureOf(cache.lock(`account:${id}`, { wait: 0 }))) instanceof Error ? 'locked' : 'free';
      }
    }
    applyLegacy(Accounts.prototype, 'close', Locked('account:{id}', { cache: name }));
    expect(await new Accounts().close(1)).toBe('locked');
  });

  it.each([
    ['no key', () => Locked({} as never), /`key` to be a template or a function/],
    ['two keys', () => Locked('a', { key: 'b' } as never), /`key` to be given once/],
    ['an unknown option', () => Locked('a', { ttl: 1 } as never), /`ttl` to be one of/],
    ['options that are none', () => Locked(7 as never), /`options`/],
  ])('refuses %s', (_, define, message) => {
    const error = refusal(define);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(String(error)).toMatch(message);
  });

  it('refuses durations, placeholders and places that can never work, where the class is defined', () => {
    const apply = (...decorators: Parameters<typeof applyLegacy>[2][]) =>
      refusal(() => {
        class Accounts {
          async close(id: number): Promise<number> {
            return id;
          }
        }
        applyLegacy(Accounts.prototype, 'close', ...decorators);
      });
    expect(String(apply(Locked('a', { wait: Infinity })))).toMatch(/`wait`.*finite.*@Locked on Accounts\.close/);
    expect(apply(Locked('account:{unknown}'))).toMatchObject({ code: 'INVALID_KEY_TEMPLATE' });
    expect(apply(Locked('a'), Cached('b', { ttl: '1m' }))).toMatchObject({ code: 'INVALID_DECORATION' });
    expect(apply(Cached('b', { ttl: '1m' }), Locked('a'))).toMatchObject({ code: 'INVALID_DECORATION' });
  });
});
