/** Who hears what a cache does: listeners, streams, the diagnostics channel, and others through the store. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it, onTestFinished } from 'vitest';
import { messageOf } from '../../../src/engine/event-publisher.js';
import { ConfigurationError } from '../../../src/errors.js';
import type { CacheEvent } from '../../../src/kernel/events.js';
import { TestCluster, turnOfTheLoop } from '../../support/test-cache.js';
import { refusal } from '../decorators/support.js';

async function open(options: Parameters<TestCluster['process']>[0] = {}) {
  const cluster = new TestCluster();
  return { cluster, ...(await cluster.process(options)) };
}

describe('cache.on', () => {
  it('calls a listener for events of its name until it is ended, with the objects that observers get', async () => {
    const { cache, recorder } = await open();
    const hits: CacheEvent[] = [];
    const end = cache.on('hit', (event) => hits.push(event));
    await cache.set('k', 1);
    await cache.get('k');
    end();
    await cache.get('k');
    expect(hits).toHaveLength(1);
    expect(hits[0]).toBe(recorder.of('hit')[0]);
  });

  it('knows some events by what they say: stale, load, refresh; * is all of them', async () => {
    const { cluster, cache, recorder } = await open({ observer: [] });
    const heard: string[] = [];
    let all = 0;
    for (const name of ['stale', 'load', 'refresh'] as const) cache.on(name, ({ key }) => heard.push(`${name} ${key}`));
    cache.on('*', () => (all += 1));
    const policy = { ttl: '1m', jitter: 0, earlyTtl: '30s', grace: '1h' };
    await cache.getOrSet('k', () => 1, policy);
    cluster.clock.advance(30_000);
    await cache.getOrSet('k', () => 1, policy);
    await cache.idle();
    cluster.clock.advance(60_000);
    await cache.getOrSet('k', () => Promise.reject(new Error('down')), policy);
    expect(heard).toEqual(['load k', 'refresh k', 'load k', 'stale k']);
    expect(all).toBeGreaterThan(heard.length);
    expect(recorder.events).toEqual([]);
  });

  it('a listener that throws or rejects harms nobody: calls are answered, others hear, and it is warned about once', async () => {
    const { cache, warnings } = await open();
    let heard = 0;
    cache.on('*', () => {
      throw new Error('listener');
    });
    cache.on('*', async () => {
      await turnOfTheLoop();
      throw new Error('asynchronous listener');
    });
    cache.on('*', () => (heard += 1));
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
    await turnOfTheLoop();
    await turnOfTheLoop();
    expect(heard).toBeGreaterThan(2);
    expect(warnings.filter((warning) => warning.includes('listener'))).toHaveLength(1);
  });

  it('nobody listens: no event is built, and the clock is not asked for its sake', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process({ observer: [] });
    await cache.set('k', 1);
    let durations: readonly unknown[] = [];
    const end = cache.on('hit', ({ durationMs }) => (durations = [...durations, durationMs]));
    await cache.get('k');
    end();
    await cache.get('k');
    expect(durations).toEqual([0]);
  });

  it.each([
    ['an unknown name', (on: (...given: unknown[]) => unknown) => on('hits', () => 1)],
    ['no function', (on: (...given: unknown[]) => unknown) => on('hit', {})],
  ])('refuses %s', async (_what, listen) => {
    const { cache } = await open();
    expect(refusal(() => listen((...given) => Reflect.apply(cache.on, cache, given)))).toBeInstanceOf(
      ConfigurationError,
    );
  });
});

describe('cache.events', () => {
  it('is a loop over everything that happens from then on; break ends it', async () => {
    const { cache } = await open();
    const types: string[] = [];
    const events = cache.events();
    await cache.getOrSet('k', () => 1);
    for await (const event of events) {
      types.push(event.type);
      if (event.type === 'miss') break;
    }
    expect(types).toEqual(['loadStart', 'loadEnd', 'write', 'miss']);
    await cache.get('k');
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it('a reader that waits gets the next one; two streams hear the same', async () => {
    const { cache, recorder } = await open();
    const [one, two] = [cache.events(), cache.events()];
    const first = one.next();
    await cache.set('k', 1);
    expect((await first).value).toBe(recorder.of('write')[0]);
    expect((await two.next()).value).toBe(recorder.of('write')[0]);
  });

  it('a slow reader keeps nobody waiting: the oldest are dropped beyond its buffer, and counted', async () => {
    const { cache } = await open();
    const events = cache.events({ buffer: 2 });
    for (const key of ['a', 'b', 'c', 'd']) await cache.set(key, 1);
    expect([(await events.next()).value?.key, (await events.next()).value?.key]).toEqual(['c', 'd']);
    expect(events.dropped).toBe(2);
    expect(cache.stats().eventsDropped).toBe(2);
  });

  it('ends with the cache, after what has happened until then', async () => {
    const { cache } = await open();
    const events = cache.events();
    await cache.set('k', 1);
    await cache.close();
    expect((await events.next()).value?.type).toBe('write');
    expect((await events.next()).done).toBe(true);
  });

  it.each([0, -1, 1.5, '10'])('refuses the buffer %s', async (buffer) => {
    const { cache } = await open();
    expect(refusal(() => Reflect.apply(cache.events, cache, [{ buffer }]))).toBeInstanceOf(ConfigurationError);
  });
});

describe('the diagnostics channel', () => {
  it('carries the same objects, for as long as somebody has subscribed', async () => {
    const { cache, recorder } = await open();
    const heard: unknown[] = [];
    const listener = (event: unknown): void => {
      if ((event as CacheEvent).cache === cache.name) heard.push(event);
    };
    subscribe('keepsake', listener);
    onTestFinished(() => void unsubscribe('keepsake', listener));
    await cache.set('k', 1);
    unsubscribe('keepsake', listener);
    await cache.get('k');
    expect(heard).toEqual([recorder.of('write')[0]]);
    expect(heard[0]).toBe(recorder.of('write')[0]);
  });
});

describe('publishEvents', () => {
  it('sends what is gathered once a second, at most 100 events, and counts what it leaves out', async () => {
    const cluster = new TestCluster();
    const sent: (readonly string[])[] = [];
    const publish = async (messages: readonly string[]): Promise<void> => {
      sent.push(messages);
    };
    const { cache } = await cluster.process({ publishEvents: { sample: 1 } }, { publish });
    for (let n = 0; n < 150; n += 1) await cache.set(`k${n}`, 1);
    expect(sent).toEqual([]);
    await cluster.clock.advanceAsync(1_000);
    expect(sent.map(({ length }) => length)).toEqual([100]);
    expect(JSON.parse(sent[0]?.[0] ?? '')).toMatchObject({ type: 'write', key: 'k0', at: expect.any(Number) });
    expect(cache.stats().eventsDropped).toBe(50);
    await cluster.clock.advanceAsync(5_000);
    expect(sent).toHaveLength(1);
  });

  it('a store that cannot be told harms nobody', async () => {
    const cluster = new TestCluster();
    const publish = (): Promise<void> => Promise.reject(new Error('full'));
    const { cache, recorder, warnings } = await cluster.process({ publishEvents: { sample: 1 } }, { publish });
    await cache.set('k', 1);
    await cluster.clock.advanceAsync(1_000);
    expect(await cache.get('k')).toBe(1);
    expect(recorder.count('error')).toBe(0);
    expect(warnings.some((warning) => warning.includes('publish events'))).toBe(true);
    expect(cache.stats().store.breaker).toBe('closed');
  });

  it('publishes a share of the events, and none by default', async () => {
    for (const publishEvents of [undefined, false, { sample: 1e-12 }] as const) {
      const cluster = new TestCluster();
      let sent = 0;
      const publish = async (): Promise<void> => {
        sent += 1;
      };
      const { cache } = await cluster.process({ publishEvents }, { publish });
      await cache.set('k', 1);
      await cluster.clock.advanceAsync(2_000);
      expect(sent).toBe(0);
    }
  });

  it.each([true, {}, { sample: 0 }, { sample: 2 }, { sample: 'all' }])('refuses %j', async (publishEvents) => {
    const opening = new TestCluster().process(JSON.parse(JSON.stringify({ publishEvents })));
    await expect(opening).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('a message has no more bytes than a notification takes, and of an error its message only', () => {
    const base = { cache: 'c', useCase: 'u', keyType: undefined, key: 'é'.repeat(5_000) };
    const long = messageOf(
      { ...base, type: 'invalidate', kind: 'delete', tags: ['x'.repeat(9_000)], entity: undefined },
      1,
      'here',
    );
    expect(Buffer.byteLength(long)).toBeLessThan(7_999);
    expect(JSON.parse(long)).toMatchObject({ type: 'invalidate', kind: 'delete', cache: 'c' });
    const error = Object.assign(new Error('refused'), { password: 'secret' });
    const failed = messageOf(
      { ...base, key: 'k', type: 'error', operation: 'read', code: undefined, error },
      1,
      'here',
    );
    expect(JSON.parse(failed)).toMatchObject({ error: 'refused' });
    expect(failed).not.toContain('secret');
  });
});
