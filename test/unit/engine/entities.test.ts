/** Entities: one thing that many use cases have cached something about. */
import { describe, expect, it } from 'vitest';
import { Cached } from '../../../src/decorators/cached.js';
import { cached } from '../../../src/decorators/cached-function.js';
import { ConfigurationError } from '../../../src/errors.js';
import { parseEntity } from '../../../src/kernel/entity.js';
import { storedTag } from '../../../src/kernel/names.js';
import { TestCluster } from '../../support/test-cache.js';
import { cacheName, open, refusal } from '../decorators/support.js';

describe('invalidateEntity', () => {
  it('removes every use case and argument combination of one entity, and of no other', async () => {
    const name = cacheName();
    const { cache, recorder } = await open(name);
    class Users {
      calls = 0;
      @Cached('user:{id}', { ttl: '1h', entity: ['user', '{id}'], cache: name })
      async user(id: number): Promise<number> {
        this.calls += 1;
        return id;
      }
      @Cached({ ttl: '1h', entity: ['user', '{request.user.id}'], tags: ['orders'], cache: name })
      async orders(request: { readonly user: { readonly id: string }; readonly page: number }): Promise<number> {
        this.calls += 1;
        return request.page;
      }
    }
    const users = new Users();
    const all = async (): Promise<number> => {
      users.calls = 0;
      await users.user(1);
      await users.orders({ user: { id: '1' }, page: 1 });
      await users.orders({ user: { id: '1' }, page: 2 });
      await users.user(2);
      return users.calls;
    };
    expect([await all(), await all()]).toEqual([4, 0]);
    await cache.invalidateEntity('user', 1);
    expect(await all()).toBe(3);
    await cache.invalidateEntity('order', 1);
    await cache.invalidateTags(['user', '1', 'user:1', '["user","1"]', '[]entity ]["user","1"]']);
    expect(await all()).toBe(0);
    expect(recorder.of('invalidate').slice(0, 1)).toMatchObject([
      { keyType: 'user', entity: ['user', '1'], tags: [], kind: 'delete' },
    ]);
    expect(new Set(recorder.of('hit').map(({ keyType }) => keyType))).toEqual(new Set(['user']));
  });

  it('with several parts, by getOrSet and set too; stale: it may still be served when loading fails', async () => {
    const { cache } = await new TestCluster().process();
    await cache.set('a', 1, { entity: ['seat', 'hall:1', 7], grace: '1h' });
    await cache.getOrSet('b', () => 2, { entity: ['seat', 'hall', '1:7'], grace: '1h' });
    await cache.invalidateEntity('seat', ['hall:1', 7], { stale: true });
    expect([await cache.get('a'), await cache.get('b')]).toEqual([undefined, 2]);
    const down = (): never => {
      throw new Error('down');
    };
    expect(await cache.getOrSet('a', down, { grace: '1h' })).toBe(1);
  });

  it('an entity without an id keeps the value out of the cache, and says so', async () => {
    const name = cacheName();
    const { recorder } = await open(name);
    const find = cached(async (user?: { readonly id: number }) => user?.id ?? 0, {
      key: 'k',
      ttl: '1m',
      cache: name,
      entity: ['user', '{user.id}'],
    });
    await find();
    expect(recorder.of('error').map(({ operation, code }) => [operation, code])).toEqual([
      ['key', 'MISSING_KEY_VALUE'],
    ]);
    expect(recorder.count('write')).toBe(0);
  });

  it('namespaces are kept apart, and no tag of a user is one of an entity', () => {
    const { tag } = parseEntity(['user', 1], '');
    const stored = ['', 'a', 'entity'].map((namespace) => storedTag(namespace, tag));
    expect(new Set(stored).size).toBe(3);
    for (const text of stored) for (const namespace of ['', 'a']) expect(storedTag(namespace, text)).not.toBe(text);
    expect(Buffer.byteLength(storedTag('', parseEntity(['user', 'x'.repeat(2_000)], '').tag))).toBeLessThanOrEqual(512);
  });

  it.each<[string, unknown]>([
    ['no id', ['user']],
    ['no array', 'user'],
    ['an object as id', ['user', {}]],
    ['NaN', ['user', Number.NaN]],
    ['no type', ['', 1]],
    ['NUL in the type', ['u\0', 1]],
  ])('refuses %s', (_what, entity) => {
    expect(refusal(() => parseEntity(entity, 'test'))).toBeInstanceOf(ConfigurationError);
  });

  it.each([['x{id}'], ['{id}{name}'], ['{nothing}']])('in a decorator refuses the part %s', (part) => {
    const define = (): unknown =>
      cached(async (id: number, name: string) => [id, name], { key: '{id}', ttl: 1, entity: ['user', part] });
    expect(refusal(define)).toBeInstanceOf(ConfigurationError);
  });
});
