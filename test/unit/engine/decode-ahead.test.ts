/** Reads of many whose store tells of entries early: they are decoded then, and nothing else changes. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { StoreError } from '../../../src/errors.js';
import type { Codec } from '../../../src/kernel/codec.js';
import type { HearEarly, StoreRead } from '../../../src/ports/store.js';
import { TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

const KEYS = ['a', 'b', 'c', 'd'] as const;
const ALL = new Map(KEYS.map((key) => [key, `value of ${key}`]));

/** What a test lets the store say: early, of which entries, and in the end. */
interface Script {
  readonly early?: (reads: readonly StoreRead[], hearEarly: HearEarly) => void;
  readonly end?: (reads: readonly StoreRead[]) => readonly StoreRead[];
}

/** A cache over such a store; `decoded` is what its codec was given so far. */
async function open({ early = tellAll, end = (reads) => reads }: Script = {}, decode?: (body: string) => void) {
  const decoded: string[] = [];
  const codec: Codec = {
    name: 'noting',
    encode: (value) => ({ encoding: 'noting', body: JSON.stringify(value) }),
    decode({ body }) {
      decoded.push(String(body));
      decode?.(String(body));
      return JSON.parse(String(body));
    },
  };
  const cluster = new TestCluster();
  const own = cluster.store();
  const between: (() => void)[] = [];
  const one = await cluster.process(
    { local: false, codec, timeouts: { read: '1m' } },
    {
      async readMany(ids, _detail, hearEarly) {
        const reads = await Promise.all(ids.map((id) => own.read(id)));
        // From where a socket would be read, which is nobody's context.
        await new Promise<void>((resolve) => outside(() => setImmediate(resolve)));
        outside(() => hearEarly && early(reads, hearEarly));
        for (const happen of between) happen();
        return end(reads);
      },
    },
  );
  await one.cache.setMany([...ALL]);
  return { ...one, cluster, decoded, between };
}

const outside = AsyncLocalStorage.snapshot();

function tellAll(reads: readonly StoreRead[], hearEarly: HearEarly): void {
  tell(reads, [...reads.keys()], hearEarly);
}

function tell(reads: readonly StoreRead[], places: readonly number[], hearEarly: HearEarly): void {
  const there = places.filter((place) => reads[place]?.entry !== undefined);
  hearEarly(
    there,
    there.flatMap((place) => reads[place]?.entry ?? []),
  );
}

/** The same entry as another object: read again. */
const again = ({ token, entry }: StoreRead): StoreRead => ({ token, entry: entry && { ...entry } });

describe('entries that are told of early', () => {
  it('are decoded then, once, and answered in their places', async () => {
    const { cache, decoded, between } = await open();
    const soFar: number[] = [];
    between.push(() => soFar.push(decoded.length));
    expect(await cache.getMany([...KEYS, 'missing'])).toEqual(ALL);
    const load = (): never => expect.unreachable();
    expect(await cache.getOrSetMany([...KEYS].reverse(), load)).toEqual(new Map([...ALL].reverse()));
    expect(soFar).toEqual([4, 8]);
    expect(decoded).toHaveLength(8);
  });

  it('need not be all of them, nor come in order', async () => {
    const { cache, decoded, between } = await open({
      early(reads, hearEarly) {
        tell(reads, [3, 1], hearEarly);
        tell(reads, [], hearEarly);
        tell(reads, [0], hearEarly);
      },
    });
    between.push(() => expect(decoded).toEqual(['"value of d"', '"value of b"', '"value of a"']));
    expect(await cache.getMany(KEYS)).toEqual(ALL);
    expect(decoded).toHaveLength(4);
  });

  it('are nothing when the store answers otherwise in the end: what counts is its answer', async () => {
    const { cache, decoded } = await open({
      end: (reads) => reads.map((read, i) => (i === 1 ? { token: read.token, entry: undefined } : again(read))),
    });
    expect([...(await cache.getMany(KEYS)).keys()]).toEqual(['a', 'c', 'd']);
    expect(decoded).toHaveLength(7);
  });

  it('INVARIANT 25: are nothing when the store fails in the end', async () => {
    const { cache, recorder } = await open({
      end() {
        throw new StoreError('connection lost', { outcome: 'unknown' });
      },
    });
    expect(await cache.getMany(KEYS)).toEqual(new Map());
    expect(recorder.of('error').map(({ operation }) => operation)).toEqual(['read']);
    const loaded = await cache.getOrSetMany(KEYS, async (keys) => keys.map((key) => `loaded ${key}`));
    expect([...loaded.values()]).toEqual(KEYS.map((key) => `loaded ${key}`));
  });

  it('of which one cannot be decoded: it is a miss, which is said once', async () => {
    const { cache, recorder } = await open({}, (body) => {
      if (body.includes('value of c')) throw new Error('damaged');
    });
    expect([...(await cache.getMany(KEYS)).keys()]).toEqual(['a', 'b', 'd']);
    expect(recorder.of('error')).toMatchObject([{ operation: 'decode', key: 'c' }]);
  });

  it('are decoded where the caller is, as any other', async () => {
    const tenant = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const { cache } = await open({}, () => seen.push(tenant.getStore()));
    await tenant.run('one', () => cache.getMany(KEYS));
    expect(seen).toEqual(['one', 'one', 'one', 'one']);
  });

  it('are left for later by a codec that takes its time: the rest of the answer is to be read', async () => {
    let slow = 0;
    const clusterOf: { clock?: { advance(ms: number): void } } = {};
    const { cache, cluster, decoded, between } = await open({ early: tellInTwo }, () => {
      slow += 1;
      clusterOf.clock?.advance(3);
    });
    clusterOf.clock = cluster.clock;
    const soFar: number[] = [];
    between.push(() => soFar.push(decoded.length));
    expect(await cache.getMany(KEYS)).toEqual(ALL);
    expect(soFar).toEqual([2]);
    expect([slow, decoded.length]).toEqual([4, 4]);
  });

  it('after the read has ended are nothing to anybody', async () => {
    const late: (() => void)[] = [];
    const { cache, decoded } = await open({
      early: (reads, hearEarly) => late.push(() => tellAll(reads, hearEarly)),
    });
    expect(await cache.getMany(KEYS)).toEqual(ALL);
    for (const tellLate of late) tellLate();
    await turnOfTheLoop();
    expect(decoded).toHaveLength(4);
  });
});

function tellInTwo(reads: readonly StoreRead[], hearEarly: HearEarly): void {
  tell(reads, [0, 1], hearEarly);
  tell(reads, [2, 3], hearEarly);
}
