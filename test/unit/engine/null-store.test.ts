/** `connection: 'null'`: a cache that keeps nothing, for switching caching off by configuration alone. */
import { randomUUID } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { createCache } from '../../../src/configure.js';
import { Gate, turnOfTheLoop } from '../../support/test-cache.js';

it("connection: 'null' finds nothing and keeps nothing, in either tier; loads are shared all the same", async () => {
  const cache = await createCache({ name: randomUUID(), connection: 'null', defaults: { ttl: '1h' } });
  onTestFinished(() => cache.close());
  await cache.set('k', 1);
  await cache.setMany([['l', 1]]);
  expect([await cache.get('k'), await cache.has('l'), (await cache.getMany(['k', 'l'])).size]).toEqual([
    undefined,
    false,
    0,
  ]);
  let loads = 0;
  for (let call = 0; call < 3; call += 1) await cache.getOrSet('k', () => (loads += 1));
  expect(loads).toBe(3);
  const gate = new Gate<string>();
  const both = [cache.getOrSet('shared', gate.load), cache.getOrSet('shared', gate.load)];
  await gate.begun();
  await turnOfTheLoop();
  gate.open('value');
  expect([await Promise.all(both), gate.calls]).toEqual([['value', 'value'], 1]);
  expect([await cache.delete('k'), await cache.setIfAbsent('k', 1)]).toEqual([false, true]);
  await cache.invalidateTags('t');
  expect(cache.stats().local.entries).toBe(0);
});
