/** The contract suite itself: it asks two functions of a runner, leaves out what is lacking, and closes what it opened. */
import { describe, expect, it } from 'vitest';
import type { Store } from '../../../src/ports/store.js';
import {
  createTestStore,
  describeStoreContract,
  FakeClock,
  type OptionalPart,
  type StoreUnderTest,
} from '../../../src/testing/main.js';

const options = { scopeNames: ['n|', 'n|]'], loadDeadline: 600_000 };

/** What a suite over `store` reports, by title; nothing else than `describe` and `it` is asked of its runner. */
async function run(
  makeStore: (clock: FakeClock) => Store,
  lacks: readonly OptionalPart[],
): Promise<{
  readonly failures: ReadonlyMap<string, unknown>;
  readonly titles: readonly string[];
  readonly left: number;
}> {
  const tests: { readonly title: string; readonly test: () => Promise<void> }[] = [];
  let left = 0;
  describeStoreContract('any', {
    describe: (_, define) => define(),
    it: (title, test) => tests.push({ title, test }),
    lacks,
    async create(): Promise<StoreUnderTest> {
      const clock = new FakeClock();
      left += 1;
      return {
        store: makeStore(clock),
        options,
        advance: async (ms) => clock.advance(ms),
        now: () => clock.wall(),
        async close() {
          left -= 1;
        },
      };
    },
  });
  const failures = new Map<string, unknown>();
  for (const { title, test } of tests) {
    // A parameter would be a callback to Jest.
    expect(test.length).toBe(0);
    await test().catch((error: unknown) => failures.set(title, error));
  }
  return { failures, titles: tests.map(({ title }) => title), left };
}

const memory = (clock: FakeClock): Store => createTestStore({ clock });

describe('describeStoreContract', () => {
  it('needs two functions of a runner, and closes every store it was given', async () => {
    const { failures, titles, left } = await run(memory, ['readMany', 'second', 'neighbour']);
    expect([...failures.keys()]).toEqual([]);
    expect(titles.length).toBeGreaterThan(150);
    expect(new Set(titles).size).toBe(titles.length);
    expect(left).toBe(0);
  });

  it('what is lacking without a word fails, and says which word', async () => {
    const { failures, left } = await run(memory, ['second', 'neighbour']);
    expect([...failures.keys()]).toEqual([
      expect.stringMatching(/^many ids are read/),
      expect.stringMatching(/^of many ids/),
    ]);
    for (const failure of failures.values()) expect(String(failure)).toMatch(/to have readMany; .*`lacks`/);
    expect(left).toBe(0);
  });

  it('what is said to be lacking and is there fails', async () => {
    const { failures } = await run(memory, ['readMany', 'locks', 'second', 'neighbour']);
    expect([...failures.keys()]).toEqual(['has what it is expected to have']);
  });

  it('a store that keeps a promise badly fails the clauses about it', async () => {
    const forgetful = (clock: FakeClock): Store =>
      new Proxy(memory(clock), {
        get(target, name) {
          if (name === 'invalidate') return async () => ({ xid: 1 });
          const own: unknown = Reflect.get(target, name, target);
          return typeof own === 'function' ? (own.bind(target) as unknown) : own;
        },
      });
    const { failures } = await run(forgetful, ['readMany', 'second', 'neighbour']);
    const titles = [...failures.keys()];
    expect(titles).toContain('INVARIANT 1: a load that began before the delete of its tag is refused');
    expect(titles).not.toContain('a fill under the token of its miss is stored and read back');
  });
});
