/** Keepsake as the subject: the catalogue's decorated methods, and every way to write that Keepsake offers. */
import { Cache, StoreError } from 'keepsake';
import type pg from 'pg';
import { now, pause } from '../monotonic.js';
import type { Random } from '../random.js';
import { Catalogue, GROUPS, type Item } from './catalogue.js';
import { METHODS, type Method, type WorkerSetup } from './protocol.js';
import { Rollback, type Source } from './source.js';
import type { Oblige, Subject, SubjectTotals, Write } from './subject.js';

/** How long an invalidation is tried again before the harness calls it hanging. */
const PATIENCE = 60_000;

/** How long after its deadline a statement may still be carried out by the server, in milliseconds, and then some. */
const AFTERMATH = 1_000;

/** What a transaction invalidates, with the option that joins it: none inside of `Cache.transaction`. */
type Invalidate = (key: number, trx?: { readonly trx: pg.ClientBase }) => Promise<unknown>;

const byTag: Invalidate = (key, trx) => Cache.invalidateTags([`item:${key}`], trx);
const byGroup: Invalidate = (key, trx) => Cache.invalidateTags([`group:${key % GROUPS}`], trx);
const byKey: Invalidate = async (key, trx) => {
  for (const method of METHODS) await Cache.delete(`${method}:${key}`, trx);
};
/** All but `cached`, which has been given another value. */
const byOtherKeys: Invalidate = async (key, trx) => {
  for (const method of METHODS) if (method !== 'cached') await Cache.delete(`${method}:${key}`, trx);
};
const byNamespace: Invalidate = (_key, trx) => Cache.clear(trx);

export class KeepsakeSubject implements Subject {
  readonly #setup: WorkerSetup;
  readonly #source: Source;
  readonly #random: Random;
  readonly #catalogue: Catalogue;
  readonly writes: readonly Write[];

  constructor(setup: WorkerSetup, source: Source, random: Random) {
    this.#setup = setup;
    this.#source = source;
    this.#random = random;
    this.#catalogue = new Catalogue(source, random);
    this.writes = this.#allWrites();
  }

  async open(): Promise<void> {
    const { connection, listenConnection, schema, channel, localLease, loadDeadline, sweepEvery } = this.#setup;
    await Cache.configure({
      connection,
      listenConnection,
      schema,
      channel,
      localLease,
      loadDeadline,
      sweep: { every: sweepEvery },
      startup: 'fail',
      // The machine is busy: a store that answers late must not look like one that is away.
      timeouts: { read: '1s', write: '2s' },
      logger: { warn: () => undefined },
    });
  }

  async read(method: Method, key: number): Promise<number> {
    const item: Item = await this.#catalogue[method](key, key % GROUPS);
    if (item.id !== key) throw new Error(`Asked for item ${key}, got ${item.id}`);
    return item.version;
  }

  async peek(tier: 'local' | 'shared', method: Method, key: number): Promise<number | undefined> {
    return (await Cache.get<Item>(`${method}:${key}`, { tiers: tier }))?.version;
  }

  async settled(): Promise<void> {
    const until = now() + PATIENCE;
    for (;;) {
      await Cache.idle();
      const { owed, underWay } = Cache.stats();
      if (owed === 0 && underWay.transactions === 0) return;
      if (now() > until) throw new Error(`Still owed: ${owed} names, ${underWay.transactions} transactions`);
      await pause(10);
    }
  }

  totals(): SubjectTotals {
    const { loads, localHits, sharedHits, stale, bypassed, stream } = Cache.stats();
    return { loads, localHits, sharedHits, stale, bypassed, gaps: stream?.gaps ?? 0 };
  }

  async slow(name: string, ms: number, onLoading: () => void): Promise<number> {
    let ran = 0;
    const load = async (): Promise<string> => {
      ran += 1;
      onLoading();
      await pause(ms);
      return name;
    };
    await Cache.getOrSet(`slow:${name}`, load, { ttl: '5m' });
    return ran;
  }

  async linger(key: number, ms: number, oblige: Oblige): Promise<void> {
    await this.#inTransactionOfOurs(key, oblige, async (client) => {
      await byTag(key, { trx: client });
      await pause(ms);
    });
  }

  async flood(tags: number): Promise<void> {
    const round = this.#random.below(1e9);
    const names = Array.from({ length: tags }, (_, tag) => `flood:${round}:${tag}`);
    await Cache.invalidateTags(names).catch((error: unknown) => {
      // So many may take longer than a busy machine's deadline; nobody depends on them.
      if (!(error instanceof StoreError)) throw error;
    });
  }

  async close(): Promise<void> {
    await Cache.close();
  }

  #allWrites(): readonly Write[] {
    const transactional = (run: Write['run']): Write => ({ kind: 'transactional', run });
    const afterwards = (run: Write['run']): Write => ({ kind: 'afterwards', run });
    return [
      ...[byTag, byKey, byGroup].map((invalidate) =>
        transactional((key, oblige) => this.#inCacheTransaction(key, oblige, () => invalidate(key))),
      ),
      ...[byTag, byKey, byGroup].map((invalidate) =>
        transactional((key, oblige) =>
          this.#inTransactionOfOurs(key, oblige, (client) => invalidate(key, { trx: client })),
        ),
      ),
      transactional((key) => this.#rolledBack(key, 'Cache.transaction')),
      transactional((key) => this.#rolledBack(key, '{ trx }')),
      ...[byTag, byKey, byGroup, byTag, byKey].map((invalidate) =>
        afterwards((key, oblige) => this.#afterCommit(key, oblige, invalidate)),
      ),
      afterwards((key, oblige) => this.#decorated(key, oblige)),
      ...[1, 2].map(() => afterwards((key, oblige) => this.#put(key, oblige))),
      ...[1, 2].map((): Write => ({ kind: 'stored', run: (key, oblige) => this.#set(key, oblige) })),
      {
        kind: 'namespace',
        // Rarely: it empties the cache.
        run: (key, oblige) => this.#afterCommit(key, oblige, this.#random.chance(0.1) ? byNamespace : byTag),
      },
    ];
  }

  async #inCacheTransaction(key: number, oblige: Oblige, invalidate: () => Promise<unknown>): Promise<void> {
    const version = await Cache.transaction<pg.PoolClient, number>(this.#source.pool, async (client) => {
      const changed = await this.#source.change(client, key, 'commit');
      await invalidate();
      return changed;
    });
    oblige({ version, at: now(), heard: 'notified' });
  }

  async #inTransactionOfOurs(
    key: number,
    oblige: Oblige,
    work: (client: pg.PoolClient) => Promise<unknown>,
  ): Promise<void> {
    const version = await this.#source.transaction(async (client) => {
      const changed = await this.#source.change(client, key, 'commit');
      await work(client);
      return changed;
    });
    oblige({ version, at: now(), heard: 'by heartbeat' });
  }

  /** INVARIANT 6: what is read inside is the transaction's own, and nobody else may ever get it. */
  async #rolledBack(key: number, how: 'Cache.transaction' | '{ trx }'): Promise<void> {
    const work = async (client: pg.PoolClient): Promise<never> => {
      const version = await this.#source.change(client, key, 'roll back');
      await byTag(key, how === '{ trx }' ? { trx: client } : undefined);
      if (how === 'Cache.transaction') {
        const seen = await this.#source.within(client, () => this.read('cached', key));
        if (seen !== version) throw new Error(`A transaction that wrote version ${version} read ${seen}`);
      }
      throw new Rollback('The harness meant to');
    };
    if (how === '{ trx }') await this.#source.transaction(work);
    else await Cache.transaction<pg.PoolClient, never>(this.#source.pool, work);
  }

  async #afterCommit(key: number, oblige: Oblige, invalidate: Invalidate): Promise<void> {
    let version: number | undefined;
    try {
      version = await this.#source.transaction((client) => this.#source.change(client, key, 'commit'));
    } finally {
      // Also when nobody knows whether the change has committed: the application cannot know better.
      await this.#surely(() => invalidate(key));
      if (version !== undefined) oblige({ version, at: now(), heard: 'notified' });
    }
  }

  async #decorated(key: number, oblige: Oblige): Promise<void> {
    let version: number;
    try {
      version = await this.#catalogue.save(key);
    } catch (error) {
      await this.#surely(() => byTag(key));
      throw error;
    }
    oblige({ version, at: now(), heard: 'notified', scope: 'own' });
    await this.#paid();
    oblige({ version, at: now(), heard: 'notified' });
  }

  /** `@CachePut`: its one entry has the new value, or nothing, when it returns; the row's other entries are invalidated after it. */
  async #put(key: number, oblige: Oblige): Promise<void> {
    let version: number;
    try {
      ({ version } = await this.#catalogue.put(key, key % GROUPS));
    } catch (error) {
      await this.#surely(() => byTag(key));
      throw error;
    }
    oblige({ version, at: now(), heard: 'notified', scope: 'own', stored: 'cached' });
    await this.#paid();
    oblige({ version, at: now(), heard: 'notified', stored: 'cached' });
    await this.#surely(() => byOtherKeys(key));
    oblige({ version, at: now(), heard: 'notified' });
  }

  /** `Cache.set` after the commit, of what is true then: the row is locked meanwhile, or two who set could do so in the wrong order. */
  async #set(key: number, oblige: Oblige): Promise<void> {
    let version: number | undefined;
    let invalidate = byKey;
    try {
      version = await this.#source.transaction((client) => this.#source.change(client, key, 'commit'));
      version = await this.#source.transaction((client) => this.#setLocked(client, key));
      oblige({ version, at: now(), heard: 'notified', stored: 'cached' });
      invalidate = byOtherKeys;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    } finally {
      await this.#surely(() => invalidate(key));
      if (version !== undefined) oblige({ version, at: now(), heard: 'notified' });
    }
  }

  async #setLocked(client: pg.PoolClient, key: number): Promise<number> {
    const version = await this.#source.lock(client, key);
    const tags = ['items', `item:${key}`, `group:${key % GROUPS}`];
    try {
      await Cache.set(`cached:${key}`, { id: key, version }, { ttl: '5m', tags });
    } catch (error) {
      // It may still be carried out; nobody may change the row before that is over.
      await pause(AFTERMATH);
      throw error;
    }
    return version;
  }

  /** Resolves when the store has been told of everything that decorated methods owe. */
  async #paid(): Promise<void> {
    const until = now() + PATIENCE;
    while (Cache.stats().owed > 0) {
      if (now() > until) throw new Error('An invalidation is still owed');
      await pause(10);
    }
  }

  /** An invalidation that failed, or may have, is made again: what an application does with a StoreError. */
  async #surely(invalidate: () => Promise<unknown>): Promise<void> {
    const until = now() + PATIENCE;
    for (;;) {
      try {
        await invalidate();
        return;
      } catch (error) {
        if (!(error instanceof StoreError) || now() > until) throw error;
        await pause(50);
      }
    }
  }
}
