import { describe, expect, it } from 'vitest';
import { messageOf } from '../../../src/engine/event-publisher.js';
import { parsePublished } from '../../../src/engine/published-event.js';
import type { CacheEvent } from '../../../src/kernel/events.js';

const base = { cache: 'c', useCase: 'Products.find', keyType: undefined, key: 'k' };

const EVENTS: readonly CacheEvent[] = [
  { ...base, type: 'hit', tier: 'local', state: 'fresh', durationMs: 0.5 },
  { ...base, type: 'miss', durationMs: 1 },
  { ...base, type: 'bypass', reason: 'scope' },
  { ...base, type: 'loadStart', background: false },
  { ...base, type: 'loadEnd', background: true, outcome: 'failed', durationMs: 1, error: new Error('refused') },
  { ...base, type: 'write', what: 'value', tiers: 'both', valueBytes: 1, encodeMs: 0 },
  { ...base, type: 'notStored', reason: 'newer' },
  { ...base, type: 'invalidate', kind: 'clear', tags: [], entity: ['user', '1'] },
  { ...base, type: 'evict' },
  { ...base, type: 'timeout', limit: 'soft' },
  { ...base, type: 'breaker', state: 'open' },
  { ...base, type: 'fallback', error: 'text' },
  { ...base, type: 'error', operation: 'read', code: 'STORE_FAILED', error: new Error('refused') },
];

describe('a published event', () => {
  it.each(EVENTS.map((event) => [event.type, event] as const))('%s is read as it was sent', (_, event) => {
    const { error: _error, ...fields } = { error: undefined, ...event };
    const parsed = parsePublished(messageOf(event, 12, 'there'));
    expect(parsed).toMatchObject({ ...JSON.parse(JSON.stringify(fields)), at: 12, origin: 'there' });
  });

  it('of an error has the message, and of an invalidation that was cut no tags', () => {
    const error = new Error('refused');
    const failed = messageOf({ ...base, type: 'error', operation: 'read', code: undefined, error }, 1, 'there');
    expect(parsePublished(failed)).toMatchObject({ error: 'refused' });
    const tags = ['x'.repeat(9_000)];
    const long = messageOf({ ...base, type: 'invalidate', kind: 'delete', tags, entity: undefined }, 1, 'there');
    expect(parsePublished(long)).toMatchObject({ type: 'invalidate', tags: [] });
  });

  const whole = { type: 'hit', cache: 'c', at: 1, origin: 'o', tier: 'local', state: 'fresh', durationMs: 1 };

  it.each([
    ['no JSON', 'text'],
    ['no object', '1'],
    ['null', 'null'],
    ['a list', '[]'],
    ['without a type', JSON.stringify({ ...whole, type: undefined })],
    ['of an unknown type', JSON.stringify({ ...whole, type: 'constructor' })],
    ['without an origin', JSON.stringify({ ...whole, origin: undefined })],
    ['without the time', JSON.stringify({ ...whole, at: 'now' })],
    ['without a field of its type', JSON.stringify({ ...whole, tier: undefined })],
    ['with a field of another type', JSON.stringify({ ...whole, durationMs: '1' })],
    ['with a key that is no text', JSON.stringify({ ...whole, key: { toString: 1 } })],
  ])('is nothing that is %s', (_, text) => {
    expect(parsePublished(JSON.stringify(whole))).toEqual(whole);
    expect(parsePublished(text)).toBeUndefined();
  });
});
