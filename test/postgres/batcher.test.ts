/**
 * The batcher and the order of calls on one key, without a server: what is sent together, when, and what happens to
 * late or bad calls.
 */
import { describe, expect, it } from 'vitest';
import { StoreError } from '../../src/errors.js';
import { Batcher } from '../../src/postgres/batcher.js';
import { KeyOrder, Lane } from '../../src/postgres/key-order.js';
import { failureOf } from './fixture.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A batcher whose batches are answered by hand. */
function byHand(options: { slots?: number; maxBatch?: number; maxWeight?: number; timeout?: number } = {}) {
  const batches: { inputs: readonly string[]; answer: () => void; fail: (error: unknown) => void }[] = [];
  const batcher = new Batcher<string, string>({
    run: (inputs) =>
      new Promise((resolve, reject) => {
        batches.push({ inputs, answer: () => resolve(inputs.map((input) => `${input}!`)), fail: reject });
      }),
    timeout: options.timeout ?? 10_000,
    slots: options.slots ?? 1,
    maxBatch: options.maxBatch ?? 100,
    ...(options.maxWeight !== undefined && { maxWeight: options.maxWeight, weigh: (input: string) => input.length }),
  });
  const batch = async (n: number) => {
    await expect.poll(() => batches.length).toBeGreaterThan(n);
    const there = batches[n];
    if (there === undefined) throw new Error(`No batch ${n}`);
    return there;
  };
  return { batcher, batches, batch };
}

const dataError = (code = '22021') => Object.assign(new Error('bad'), { code, severity: 'ERROR' });

describe('Batcher', () => {
  it('calls of one turn go out together, without waiting for more', async () => {
    const { batcher, batches } = byHand();
    const results = ['a', 'b', 'c'].map((input) => batcher.call(input).result);
    await turn();
    expect(batches.map(({ inputs }) => inputs)).toEqual([['a', 'b', 'c']]);
    batches[0]?.answer();
    expect(await Promise.all(results)).toEqual(['a!', 'b!', 'c!']);
  });

  it('while all slots are busy the next batch grows', async () => {
    const { batcher, batches, batch } = byHand({ slots: 2 });
    void batcher.call('1').result;
    await turn();
    void batcher.call('2').result;
    await turn();
    for (const input of ['3', '4', '5']) {
      void batcher.call(input).result;
      await turn();
    }
    expect(batches.map(({ inputs }) => inputs)).toEqual([['1'], ['2']]);
    batches[0]?.answer();
    expect((await batch(2)).inputs).toEqual(['3', '4', '5']);
  });

  it('a crowd is divided among the free slots, so that neither side waits for the other; a few calls are not', async () => {
    const crowd = byHand({ slots: 2 });
    for (const input of ['a', 'b', 'c', 'd', 'e']) void crowd.batcher.call(input).result;
    expect((await crowd.batch(0)).inputs).toEqual(['a', 'b', 'c']);
    expect((await crowd.batch(1)).inputs).toEqual(['d', 'e']);
    // One slot is free now, and those who come back take it together.
    for (const input of ['f', 'g', 'h', 'i']) void crowd.batcher.call(input).result;
    (await crowd.batch(0)).answer();
    expect((await crowd.batch(2)).inputs).toEqual(['f', 'g', 'h', 'i']);
    const few = byHand({ slots: 2 });
    for (const input of ['a', 'b', 'c']) void few.batcher.call(input).result;
    expect((await few.batch(0)).inputs).toEqual(['a', 'b', 'c']);
  });

  it('a large crowd goes at the end of its callback, all of it', async () => {
    const { batcher, batches } = byHand();
    const inputs = Array.from({ length: 40 }, (_, i) => String(i));
    for (const input of inputs.slice(0, 20)) void batcher.call(input).result;
    // As those do who are woken by one answer, one after the other.
    for (const input of inputs.slice(20)) void Promise.resolve().then(() => batcher.call(input).result);
    await Promise.resolve();
    await new Promise((resolve) => process.nextTick(resolve));
    expect(batches.map((batch) => batch.inputs)).toEqual([inputs]);
  });

  it('a batch is bounded by count and by weight; a call that is too heavy goes alone', async () => {
    const counted = byHand({ maxBatch: 2 });
    for (const input of ['a', 'b', 'c']) void counted.batcher.call(input).result;
    expect((await counted.batch(0)).inputs).toEqual(['a', 'b']);
    const weighed = byHand({ maxWeight: 4 });
    for (const input of ['aa', 'bb', 'c', 'heavy one', 'd']) void weighed.batcher.call(input).result;
    for (const [n, inputs] of [['aa', 'bb'], ['c'], ['heavy one'], ['d']].entries()) {
      const sent = await weighed.batch(n);
      expect(sent.inputs).toEqual(inputs);
      sent.answer();
    }
  });

  it('a data error is tracked down to its call; the others succeed', async () => {
    const sent: string[] = [];
    const batcher = new Batcher<string, string>({
      run: async (inputs) => {
        sent.push(inputs.join(''));
        if (inputs.includes('x')) throw dataError();
        return inputs;
      },
      timeout: 10_000,
      slots: 1,
      maxBatch: 100,
    });
    const results = await Promise.allSettled([...'abxcd'].map((input) => batcher.call(input).result));
    expect(results.map(({ status }) => status[0]).join('')).toBe('ffrff');
    expect(sent).toEqual(['abxcd', 'abx', 'ab', 'x', 'cd']);
  });

  it('any other error fails the whole batch and is not repeated', async () => {
    const { batcher, batches, batch } = byHand();
    const failures = ['a', 'b'].map((input) => failureOf(batcher.call(input).result));
    const error = dataError('53100');
    (await batch(0)).fail(error);
    expect(await Promise.all(failures)).toEqual([error, error]);
    expect(batches).toHaveLength(1);
  });

  it('late: what was sent is unknown, what was not has failed; a late answer changes nothing', async () => {
    const { batcher, batches, batch } = byHand({ timeout: 500 });
    const sent = failureOf(batcher.call('sent').result);
    await turn();
    const waiting = failureOf(batcher.call('waiting').result);
    expect(await sent).toMatchObject({ outcome: 'unknown' });
    expect(await waiting).toMatchObject({ outcome: 'failed' });
    expect(await waiting).toBeInstanceOf(StoreError);
    batches[0]?.answer();
    await turn();
    await turn();
    expect(batches).toHaveLength(1); // what was given up is not sent any more
    const next = batcher.call('next').result;
    (await batch(1)).answer();
    expect(await next).toBe('next!');
  });

  it('idle() waits for calls, and for batches whose callers have gone', async () => {
    const { batcher, batch } = byHand({ timeout: 20 });
    await batcher.idle();
    const late = failureOf(batcher.call('a').result);
    const sent = await batch(0);
    await late;
    let status = 'busy';
    const idle = batcher.idle().then(() => {
      status = 'idle';
    });
    await turn();
    expect(status).toBe('busy');
    sent.answer();
    await idle;
    expect(status).toBe('idle');
  });
});

describe('Lane', () => {
  function lanes(merging: 'replace' | 'share' | 'queue') {
    const order = new KeyOrder();
    const [one, two] = [byHand(), byHand()];
    return {
      order,
      one,
      two,
      first: new Lane(order, one.batcher, merging),
      second: new Lane(order, two.batcher, 'queue'),
    };
  }

  it('calls on one key wait for each other across lanes, calls on others do not', async () => {
    const { first, second, one, two, order } = lanes('queue');
    const results = [first.call('key', 'set'), second.call('key', 'delete'), second.call('other', 'free')];
    await turn();
    expect([one.batches.length, two.batches.map(({ inputs }) => inputs)]).toEqual([1, [['free']]]);
    (await two.batch(0)).answer();
    (await one.batch(0)).answer();
    (await two.batch(1)).answer();
    expect(await Promise.all(results)).toEqual(['set!', 'delete!', 'free!']);
    await turn();
    expect([order.last('key'), order.last('other')]).toEqual([undefined, undefined]);
  });

  it('replace: of several unsent calls on one key the last is sent, and all get its result', async () => {
    const { first, one } = lanes('replace');
    const results = ['1', '2', '3'].map((input) => first.call('key', input));
    const sent = await one.batch(0);
    expect(sent.inputs).toEqual(['3']);
    const later = first.call('key', '4');
    sent.answer();
    (await one.batch(1)).answer();
    expect(await Promise.all([...results, later])).toEqual(['3!', '3!', '3!', '4!']);
  });

  it('replace: never across a call of another kind', async () => {
    const { first, second, one, two } = lanes('replace');
    const results = [first.call('key', 'set 1'), second.call('key', 'delete'), first.call('key', 'set 2')];
    (await one.batch(0)).answer();
    (await two.batch(0)).answer();
    const last = await one.batch(1);
    expect([one.batches[0]?.inputs, last.inputs]).toEqual([['set 1'], ['set 2']]);
    last.answer();
    await Promise.all(results);
  });

  it('a failed call does not hold up the next', async () => {
    const { first, second, one, two } = lanes('queue');
    const failing = failureOf(first.call('key', 'a'));
    const next = second.call('key', 'b');
    (await one.batch(0)).fail(new Error('broken'));
    await failing;
    (await two.batch(0)).answer();
    expect(await next).toBe('b!');
  });
});
