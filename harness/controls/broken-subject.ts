/**
 * Caches that are broken on purpose, as many in use are: the checker must flag each of them, every time. Two tiers like Keepsake's,
 * a notification to the others, and a protocol that is wrong in one way:
 *
 * - `delete-then-notify`: an invalidation deletes the row and tells the others. A load that read before it stores its old value after it.
 * - `skewed-clock`: entries and invalidations carry stamps of their process's wall clock, and an entry is valid when it is younger. One
 *   process's clock is 50 ms behind (the harness sets it off).
 * - `no-flush`: stamps again, of clocks that agree. When the listening connection was lost, local copies are kept.
 */
import pg from 'pg';
import { now, pause } from '../monotonic.js';
import type { Random } from '../random.js';
import { type Control, METHODS, type Method, type WorkerSetup } from '../worker/protocol.js';
import { loadTime, type Source } from '../worker/source.js';
import type { Oblige, Subject, SubjectTotals, Write } from '../worker/subject.js';

interface Copy {
  readonly version: number;
  /** Wall clock of the process that loaded it, when the load began. */
  readonly stamp: number;
}

export class BrokenSubject implements Subject {
  readonly #protocol: Control;
  readonly #setup: WorkerSetup;
  readonly #source: Source;
  readonly #random: Random;
  readonly #local = new Map<string, Copy>();
  /** Stamps of the latest invalidations heard of, so that nothing older is kept here. */
  readonly #invalidated = new Map<string, number>();
  readonly #loads = new Map<string, Promise<number>>();
  readonly #totals = { loads: 0, localHits: 0, sharedHits: 0, stale: 0, bypassed: 0, gaps: 0 };
  #listener: pg.Client | undefined;
  #state: 'open' | 'closed' = 'open';
  readonly writes: readonly Write[] = [{ kind: 'afterwards', run: (key, oblige) => this.#write(key, oblige) }];

  constructor(protocol: Control, setup: WorkerSetup, source: Source, random: Random) {
    this.#protocol = protocol;
    this.#setup = setup;
    this.#source = source;
    this.#random = random;
  }

  /** Makes the tables; called once, before any process opens. */
  static async create(client: pg.ClientBase, schema: string): Promise<void> {
    await client.query(`create table ${schema}.broken_entry (id text primary key, version bigint, stamp float8)`);
    await client.query(`create table ${schema}.broken_invalidation (id text primary key, stamp float8)`);
  }

  async open(): Promise<void> {
    await this.#listen();
  }

  async read(method: Method, key: number): Promise<number> {
    const id = `${method}:${key}`;
    const copy = this.#local.get(id);
    if (copy !== undefined) {
      this.#totals.localHits += 1;
      return copy.version;
    }
    const under = this.#loads.get(id);
    if (under !== undefined) return await under;
    const load = this.#find(id, key).finally(() => this.#loads.delete(id));
    this.#loads.set(id, load);
    return await load;
  }

  async peek(tier: 'local' | 'shared', method: Method, key: number): Promise<number | undefined> {
    const id = `${method}:${key}`;
    return (tier === 'local' ? this.#local.get(id) : await this.#select(id))?.version;
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#loads.values());
  }

  totals(): SubjectTotals {
    return { ...this.#totals };
  }

  async slow(name: string): Promise<number> {
    throw new Error(`The broken protocols have no leases for ${name}`);
  }

  async linger(key: number, _ms: number, oblige: Oblige): Promise<void> {
    await this.#write(key, oblige);
  }

  async flood(): Promise<void> {
    await pause(0);
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    await this.#listener?.end();
  }

  async #find(id: string, key: number): Promise<number> {
    const shared = await this.#select(id);
    if (shared !== undefined) {
      this.#totals.sharedHits += 1;
      this.#admit(id, shared);
      return shared.version;
    }
    const stamp = Date.now();
    this.#totals.loads += 1;
    const version = await this.#source.version(key);
    await pause(loadTime(this.#random));
    await this.#store(id, { version, stamp });
    this.#admit(id, { version, stamp });
    return version;
  }

  async #select(id: string): Promise<Copy | undefined> {
    const { schema } = this.#setup;
    const { rows } = await this.#source.pool.query<{ version: string; stamp: number; invalidated: number | null }>({
      name: 'broken-select',
      text: `select version, entry.stamp, invalidation.stamp as invalidated from ${schema}.broken_entry entry
        left join ${schema}.broken_invalidation invalidation using (id) where id = $1`,
      values: [id],
    });
    const [row] = rows;
    if (row === undefined) return undefined;
    if (this.#protocol !== 'delete-then-notify' && row.stamp <= (row.invalidated ?? 0)) return undefined;
    return { version: Number(row.version), stamp: row.stamp };
  }

  async #store(id: string, { version, stamp }: Copy): Promise<void> {
    const newer = this.#protocol === 'delete-then-notify' ? '' : 'where entry.stamp < excluded.stamp';
    await this.#source.pool.query(
      `insert into ${this.#setup.schema}.broken_entry as entry values ($1, $2, $3)
       on conflict (id) do update set version = excluded.version, stamp = excluded.stamp ${newer}`,
      [id, version, stamp],
    );
  }

  #admit(id: string, copy: Copy): void {
    if (this.#protocol !== 'delete-then-notify' && copy.stamp <= (this.#invalidated.get(id) ?? 0)) return;
    this.#local.set(id, copy);
  }

  async #write(key: number, oblige: Oblige): Promise<void> {
    const version = await this.#source.transaction((client) => this.#source.change(client, key, 'commit'));
    const ids = METHODS.map((method) => `${method}:${key}`);
    const stamp = Date.now();
    const { schema, channel } = this.#setup;
    if (this.#protocol === 'delete-then-notify') {
      await this.#source.pool.query(`delete from ${schema}.broken_entry where id = any($1)`, [ids]);
    } else {
      await this.#source.pool.query(
        `insert into ${schema}.broken_invalidation as old select unnest($1::text[]), $2
         on conflict (id) do update set stamp = greatest(old.stamp, excluded.stamp)`,
        [ids, stamp],
      );
    }
    await this.#source.pool.query('select pg_notify($1, $2)', [channel, JSON.stringify({ ids, stamp })]);
    this.#drop(ids, stamp);
    oblige({ version, at: now(), heard: 'notified' });
  }

  #drop(ids: readonly string[], stamp: number): void {
    for (const id of ids) {
      this.#invalidated.set(id, Math.max(stamp, this.#invalidated.get(id) ?? 0));
      const copy = this.#local.get(id);
      if (copy !== undefined && (this.#protocol === 'delete-then-notify' || copy.stamp <= stamp))
        this.#local.delete(id);
    }
  }

  /** Listens, and listens again when the connection was lost. */
  async #listen(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#setup.listenConnection,
      application_name: 'keepsake-listen',
    });
    this.#listener = client;
    client.on('error', () => undefined);
    client.once('end', () => void pause(300).then(() => this.#listenAgain()));
    client.on('notification', ({ payload = '{}' }) => {
      const { ids, stamp } = JSON.parse(payload) as { ids: string[]; stamp: number };
      this.#drop(ids, stamp);
    });
    await client.connect();
    await client.query(`listen ${pg.escapeIdentifier(this.#setup.channel)}`);
  }

  async #listenAgain(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#totals.gaps += 1;
    try {
      await this.#listen();
      if (this.#protocol !== 'no-flush') this.#local.clear();
    } catch {
      // `end` follows, and the next attempt.
    }
  }
}
