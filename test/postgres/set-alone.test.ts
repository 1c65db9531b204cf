/** Sets of one entry, which have a statement of their own: what they leave is what sets of several do. */
import { expect, it } from 'vitest';
import type { EntryWrite, WriteReceipt } from '../../src/ports/store.js';
import { setStatement } from '../../src/postgres/queries/set.js';
import { setAloneStatement } from '../../src/postgres/queries/set-alone.js';
import { useDatabase } from '../support/database.js';
import { KINDS, lifetimes, ordinary } from './entry-kinds.js';
import { connect, countingPool, openStore, table, tables } from './fixture.js';

const database = useDatabase();
const [ALONE, TOGETHER] = [setAloneStatement(tables()).text, setStatement(tables()).text];

const MORE: Readonly<Record<string, Partial<EntryWrite>>> = {
  'no text PostgreSQL knows': { encoded: { encoding: 'test', body: 'NUL \0, lone \ud800' } },
  'not encoded': { encoded: { encoding: null, body: Uint8Array.of(1, 2, 3).subarray(1) } },
  'at an instant': { lifetimes: lifetimes({ ttl: undefined, expiresAt: Date.UTC(2099, 0, 1) }) },
  'sliding up to a ttl': { lifetimes: lifetimes({ ttl: 90_000, sliding: 60_000, grace: 1_000 }) },
  'sliding for ever': { lifetimes: lifetimes({ ttl: undefined, sliding: 60_000 }) },
  'longer than PostgreSQL can say': { lifetimes: lifetimes({ ttl: 1e15, sliding: 1e15, grace: 1e15, early: 1e15 }) },
  'fractions of a millisecond': { lifetimes: lifetimes({ ttl: 100.5, grace: 0.2, early: 80.125 }) },
  'with quotes and backslashes': { tags: ['"', '\\', '{}', 'NULL', ''] },
  loaded: { loadMs: 12.5 },
};

/** What a receipt says, but for the moment: an instant is farther away or nearer. */
function said({ remaining, ceiling }: WriteReceipt, { lifetimes: { expiresAt } }: EntryWrite) {
  const times = { ...remaining, ceiling };
  return expiresAt === undefined ? times : Object.keys(times);
}

it.each(Object.entries({ ...KINDS, ...MORE }))(
  '%s: alone as together, over nothing and over another',
  async (_, kind) => {
    await openStore({ connection: database.url });
    const { pool, statements } = countingPool(database.url);
    const store = await openStore({ connection: { pool } });
    const sql = await connect(database.url);
    const write = (id: string): EntryWrite => ordinary(id, { encoded: ordinary('').encoded, ...kind });
    for (const before of [undefined, KINDS['sliding'], KINDS['tags']]) {
      await sql.query(`delete from ${table()}`);
      if (before !== undefined) for (const id of ['alone', 'one']) await store.set(ordinary(id, before));
      statements.length = 0;
      const alone = await store.set(write('alone'));
      const [one] = await Promise.all([store.set(write('one')), store.set(write('other'))]);
      expect(statements).toEqual([ALONE, TOGETHER]);
      expect(said(alone, write('alone'))).toEqual(said(one, write('one')));
      const origin = kind.lifetimes?.expiresAt === undefined ? "date_part('epoch', written_at)" : '0';
      // To the tenth of a millisecond: that much is lost in the binary fractions of today.
      const since = (column: string) => `round((date_part('epoch', ${column}) - ${origin}) * 1e4) as ${column}`;
      const { rows } = await sql.query(
        `select id, written_at, snapshot::text, writer_xid::text,
           value, encoding, stored_as, tags, grace_ms, sliding_ms, load_ms, slidingexpirationinseconds, retry_at,
           ${['expiresattime', 'absoluteexpiration', 'stale_until', 'refresh_at'].map(since).join()}
         from ${table()} where id in ('alone', 'one') order by id`,
      );
      const [first, second] = rows.map(({ id, written_at, snapshot, writer_xid, ...row }) => row);
      expect(first).toEqual(second);
      expect(alone.token.snapshot).toBe(rows[0]?.snapshot);
      expect(alone.xid).toBe(Number(rows[0]?.writer_xid));
      expect(alone.token.incarnation).toBe(one.token.incarnation);
      // By milliseconds: the token's is the beginning of the transaction.
      expect(Number(alone.token.at) * 1000).toBeLessThanOrEqual(rows[0]?.written_at.getTime() + 1);
    }
  },
);
