/** Values and lifetimes over a real PostgreSQL: what comes back is what was put in, for as long as it may. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { useDatabase, usePool } from '../support/database.js';
import { FakeClock } from '../support/fake-clock.js';
import { eventually, HeldLoader, MIGRATED, openCache, sources } from './cache-fixture.js';
import { table } from './fixture.js';

const database = useDatabase({ template: MIGRATED });
const sql = usePool(database);

class Money {
  readonly cents = 1250;
}

const VALUES: readonly (readonly [string, () => unknown])[] = [
  ['0', () => 0],
  ['an empty text', () => ''],
  ['false', () => false],
  ['null', () => null],
  ['NaN', () => Number.NaN],
  ['-0', () => -0],
  ['Infinity', () => Number.POSITIVE_INFINITY],
  ['a text with every kind of character', () => 'ä€😀\n\t"\'\\ \u2028 \uD800 %_'],
  ['a Date', () => new Date(1_736_942_400_123)],
  [
    'a Map',
    () =>
      new Map<unknown, unknown>([
        ['a', 1],
        [2, new Date(0)],
      ]),
  ],
  ['a Set', () => new Set([1, 'a', null])],
  ['a BigInt', () => 12_345_678_901_234_567_890n],
  ['a RegExp', () => /a+b/giu],
  ['a URL', () => new URL('https://example.org/a?b=c#d')],
  ['an Error', () => new RangeError('out of range')],
  ['a Buffer', () => Buffer.from([0, 1, 254, 255])],
  ['a typed array', () => Float64Array.of(1.5, -0, Number.NaN)],
  ['undefined in an object', () => ({ a: undefined, b: 1 })],
  ['everything in one', () => ({ list: [1n, undefined, null, new Date(5)], map: new Map([['k', new Set([-0])]]) })],
  ['an instance of a class nobody registered', () => ({ price: new Money() })],
];

/** A value's types all the way down, which equality alone may overlook. */
function shape(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : typeof value;
  const kind = Object.prototype.toString.call(value);
  const prototype = (Object.getPrototypeOf(value) as { constructor: { name: string } }).constructor.name;
  if (value instanceof Map || value instanceof Set) return [kind, prototype, [...value].map(shape)];
  if (ArrayBuffer.isView(value)) return [kind, prototype, value.byteLength];
  return [kind, prototype, Object.entries(value).map(([key, part]) => [key, shape(part)])];
}

describe('INVARIANT 23: a value is the same from a miss, a local hit and a shared hit', () => {
  it.each(VALUES)('%s', async (name, make) => {
    const here = await openCache({ connection: database.url, namespace: name });
    const there = await openCache({ connection: database.url, namespace: name });
    const read = ({ cache }: typeof here): Promise<unknown> => cache.getOrSet('value', make);
    const [miss, local, shared] = [await read(here), await read(here), await read(there)];
    expect([...sources(here), ...sources(there)]).toEqual(['load', 'local', 'shared']);
    for (const hit of [local, shared]) {
      expect(hit).toStrictEqual(miss);
      expect(shape(hit)).toEqual(shape(miss));
    }
    // A class nobody registered is plain data, on the miss already; everything else is what the loader made.
    expect(miss).toEqual(make());
    if (!name.includes('class')) expect(shape(miss)).toEqual(shape(make()));
  });

  it('INVARIANT 24: what one caller does to its value is not seen by the next, from any tier', async () => {
    const here = await openCache({ connection: database.url, namespace: 'changed' });
    const there = await openCache({ connection: database.url, namespace: 'changed' });
    const make = (): unknown => ({ when: new Date(0), list: [1] });
    for (const { cache } of [here, here, there, there]) {
      const value = (await cache.getOrSet('value', make)) as { when: Date; list: number[] };
      expect(value).toEqual(make());
      value.when.setTime(1);
      value.list.push(2);
    }
  });
});

describe('INVARIANT 25: a damaged or foreign row is a miss and a counted error', () => {
  const DAMAGES: readonly (readonly [string, string])[] = [
    ['bytes that are no text', `value = '\\xff00fe'`],
    ['bytes cut off in the middle', 'value = substring(value for 5)'],
    ['an encoding nobody knows', `encoding = 'pickle:5'`],
    ['another encoding than it was written in', `encoding = 'raw'`],
    ['no value at all', `value = ''`],
    ['what a foreign program wrote', `value = '\\x80', encoding = null, stored_as = 'bytes', tags = null`],
  ];

  it.each(DAMAGES)('%s', async (name, damage) => {
    const opened = await openCache({ connection: database.url, namespace: name, local: false });
    const { cache, recorder } = opened;
    await cache.set('damaged', { good: 'value', when: new Date(0) });
    await cache.set('neighbour', 'whole');
    const { rowCount } = await sql().query(`update ${table()} set ${damage} where id = $1`, [`[${name}]damaged`]);
    expect(rowCount).toBe(1);
    // Together, so that they travel in one statement.
    const [damaged, neighbour] = await Promise.all([cache.get('damaged'), cache.get('neighbour')]);
    expect([damaged, neighbour]).toEqual([undefined, 'whole']);
    expect(recorder.count('error')).toBe(1);
    expect(cache.stats().errors).toBe(1);
    expect(await cache.getOrSet('damaged', () => 'mended')).toBe('mended');
    expect(await cache.get('damaged')).toBe('mended');
  });
});

describe('INVARIANT 26: lifetimes', () => {
  /** Lets `ms` milliseconds pass for the rows of a namespace, by moving them back. */
  async function age(namespace: string, ms: number): Promise<void> {
    const columns = ['expiresattime', 'stale_until', 'refresh_at', 'written_at', 'absoluteexpiration'];
    const moved = columns.map((column) => `${column} = ${column} - $1::float8 * interval '1 millisecond'`);
    await sql().query(`update ${table()} set ${moved.join(', ')} where starts_with(id, $2)`, [ms, `[${namespace}]`]);
  }

  it('a local copy does not outlive what remained of the shared entry', async () => {
    const namespace = 'remaining';
    const clock = new FakeClock();
    const writer = await openCache({ connection: database.url, namespace });
    const reader = await openCache({ connection: database.url, namespace, clock, localLease: Infinity });
    await writer.cache.set('key', 'value', { ttl: '1h' });
    await age(namespace, 3_600_000 - 600_000);
    expect(await reader.cache.get('key')).toBe('value');
    clock.advance(590_000 - 30_000); // less than remained, by more than this test may have taken
    expect(await reader.cache.get('key')).toBe('value');
    await age(namespace, 3_600_000);
    clock.advance(40_000);
    expect(await reader.cache.get('key')).toBeUndefined();
    expect(sources(reader)).toEqual(['shared', 'local', 'load']);
  });

  it('sliding never passes the absolute ceiling, however often it is read', async () => {
    const namespace = 'ceiling';
    const { cache } = await openCache({ connection: database.url, namespace, local: false });
    await cache.set('key', 'value', { sliding: '10m', ttl: '15m' });
    await age(namespace, 300_000);
    expect(await cache.get('key')).toBe('value');
    await cache.idle();
    const ceiling = await cache.ttl('key');
    // The window would reach 15 minutes after the write; 10 of them are left.
    expect(ceiling).toBeGreaterThan(590_000);
    expect(ceiling).toBeLessThanOrEqual(600_000);
    await age(namespace, 300_000);
    expect(await cache.touch('key')).toBe(true);
    expect(await cache.ttl('key')).toBeLessThanOrEqual(300_000);
    await age(namespace, 300_000);
    expect(await cache.get('key')).toBeUndefined();
  });

  it('a read renews a sliding entry in the background', async () => {
    const namespace = 'sliding';
    const { cache } = await openCache({ connection: database.url, namespace, local: false });
    await cache.set('key', 'value', { sliding: '10m', ttl: '1h' });
    await age(namespace, 300_000);
    expect(await cache.ttl('key')).toBeLessThanOrEqual(300_000);
    await cache.get('key');
    await cache.idle();
    expect(await cache.ttl('key')).toBeGreaterThan(500_000);
  });

  it('ttl counts from the write, not from before the load', async () => {
    const namespace = 'from the write';
    const { cache } = await openCache({ connection: database.url, namespace });
    const loader = new HeldLoader<string>();
    const call = cache.getOrSet('key', loader.load, { ttl: '10m' });
    await loader.began;
    const { rows } = await sql().query<{ now: Date }>(`select clock_timestamp() + interval '20 ms' as now`);
    await sql().query('select pg_sleep(0.02)');
    loader.answer('value');
    await call;
    const written = await sql().query<{ later: boolean }>(
      `select written_at >= $1 and expiresattime >= $1 + interval '10 minutes' as later from ${table()} where id = $2`,
      [rows[0]?.now, `[${namespace}]key`],
    );
    expect(written.rows).toEqual([{ later: true }]);
  });

  it('30 days and Infinity overflow no timer, here or in the database', async () => {
    const warnings: string[] = [];
    const note = (warning: Error): void => void warnings.push(warning.name);
    process.on('warning', note);
    onTestFinished(() => void process.off('warning', note));
    const opened = await openCache({
      connection: database.url,
      namespace: 'long',
      localLease: '30d',
      loadDeadline: '30d',
    });
    const { cache } = opened;
    for (const ttl of ['30d', Infinity] as const) {
      const policy = { ttl, grace: ttl, hardTimeout: '30d', softTimeout: '29d', leaseTimeout: ttl } as const;
      expect(await cache.getOrSet(`for ${ttl}`, () => ttl, policy)).toBe(ttl);
      expect(await cache.getOrSet(`for ${ttl}`, () => 'again', policy)).toBe(ttl);
    }
    expect(await cache.ttl('for Infinity')).toBe(Infinity);
    expect(await cache.ttl('for 30d')).toBeGreaterThan(29 * 86_400_000);
    expect(sources(opened)).toEqual(['load', 'local', 'load', 'local']);
    expect(warnings).toEqual([]);
  });

  it('an early entry is served at once and refreshed in the background', async () => {
    const namespace = 'early';
    const { cache } = await openCache({ connection: database.url, namespace, local: false });
    const policy = { ttl: '10m', earlyTtl: '5m' } as const;
    await cache.getOrSet('key', () => 'first', policy);
    await age(namespace, 400_000);
    expect(await cache.getOrSet('key', () => 'second', policy)).toBe('first');
    await eventually(async () => expect(await cache.get('key')).toBe('second'));
  });

  it('a stale entry answers while its loader fails, and its loader is left alone for the backoff', async () => {
    const namespace = 'stale';
    const { cache } = await openCache({ connection: database.url, namespace });
    const other = await openCache({ connection: database.url, namespace });
    const policy = { ttl: '10m', grace: '1h', backoff: '10m' } as const;
    await cache.getOrSet('key', () => 'good', policy);
    await age(namespace, 700_000);
    let loads = 0;
    const fail = async (): Promise<string> => {
      loads += 1;
      throw new Error('the origin is down');
    };
    const fresh = await openCache({ connection: database.url, namespace });
    for (const process of [fresh, other, fresh]) {
      expect(await process.cache.getOrSet('key', fail, policy)).toBe('good');
      expect(process.recorder.of('hit').at(-1)).toMatchObject({ state: 'stale' });
    }
    expect(loads).toBe(1);
  });
});
