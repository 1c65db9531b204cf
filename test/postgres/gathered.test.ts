/** Reading many entries at once: whatever is among them, each is what reading it alone finds. */
import { describe, expect, it } from 'vitest';
import type { ReadDetail, Store, StoreRead } from '../../src/ports/store.js';
import { useDatabase } from '../support/database.js';
import { KINDS, ordinary } from './entry-kinds.js';
import { connect, countingPool, openStore, table } from './fixture.js';

const database = useDatabase();

/** What does not depend on the moment of the read. */
function seen({ entry }: StoreRead, detail: ReadDetail = 'whole') {
  if (entry === undefined) return undefined;
  const {
    encoded: { encoding, body },
    remaining,
    sliding,
    tags,
  } = entry;
  const minutes = Object.values(remaining).map((ms: number) => Math.round(ms / 60_000));
  return { encoding, body: Buffer.from(body).toString('hex'), minutes, sliding, ...(detail === 'whole' && { tags }) };
}

async function compare(store: Store, ids: readonly string[]): Promise<readonly StoreRead[]> {
  // Together first: a glance that was of no use keeps the next reads from gathering.
  const whole = await store.readMany?.(ids, 'whole');
  const values = await store.readMany?.(ids, 'values');
  const alone = await Promise.all(ids.map((id) => store.read(id)));
  expect(whole?.map((read) => seen(read))).toEqual(alone.map((read) => seen(read)));
  expect(values?.map((read) => seen(read, 'values'))).toEqual(alone.map((read) => seen(read, 'values')));
  const incarnations = [...(whole ?? []), ...(values ?? [])].map(({ token }) => token.incarnation);
  expect(new Set(incarnations)).toEqual(new Set([alone[0]?.token.incarnation]));
  return alone;
}

const around = Array.from({ length: 30 }, (_, i) => `around ${i}`);

describe('many entries at once', () => {
  it.each(Object.entries(KINDS))('are what each of them is alone: with %s among them', async (kind, given) => {
    const store = await openStore({ connection: database.url });
    await Promise.all(
      [...around.map((id) => ordinary(`${kind} ${id}`)), ordinary(kind, given)].map((one) => store.set(one)),
    );
    const ids = [...around.map((id) => `${kind} ${id}`), kind, `missing ${kind}`];
    const alone = await compare(store, ids);
    expect(alone.filter(({ entry }) => entry !== undefined)).toHaveLength(31);
    // Most are not ordinary, and the next time too.
    await Promise.all(around.map((id) => store.set({ ...ordinary(`${kind} ${id}`), ...given })));
    await compare(store, ids);
    await compare(store, ids);
  });

  it('with what stands between lists in an id', async () => {
    const store = await openStore({ connection: database.url });
    const ids = [...around.map((id) => `apart ${id}`), 'a\u0001b', 'a', 'b'];
    await Promise.all(ids.slice(0, -1).map((id) => store.set(ordinary(id))));
    await compare(store, ids);
  });

  it('INVARIANT 1: of which some were invalidated, deleted or expired, before or while another transaction writes', async () => {
    const store = await openStore({ connection: database.url });
    const ids = around.map((id) => `hidden ${id}`);
    const fill = () => Promise.all(ids.map((id, i) => store.set(ordinary(id, { tags: [`of ${i % 5}`] }))));
    const other = await connect(database.url);
    await fill();
    await compare(store, ids);
    await other.query('begin');
    await other.query(`insert into ${table('_invalidations')} (name, kind) values ('t|of 1', 'delete')`);
    await fill();
    await compare(store, ids);
    await other.query('commit');
    const alone = await compare(store, ids);
    expect(alone.filter(({ entry }) => entry === undefined)).toHaveLength(6);
    await store.invalidate(['t|of 2'], 'expire');
    await store.delete(ids[0] ?? '');
    const after = await compare(store, ids);
    // Six of each tag, and the deleted one.
    expect(after.filter(({ entry }) => entry === undefined)).toHaveLength(13);
  });

  it('INVARIANT 25: of which one is damaged: that one is a miss, and no other', async () => {
    const errors: unknown[] = [];
    const store = await openStore({ connection: database.url, onError: (error) => errors.push(error) });
    const ids = around.map((id) => `damaged ${id}`);
    await Promise.all(ids.map((id) => store.set(ordinary(id))));
    const other = await connect(database.url);
    await other.query(`update ${table()} set value = '\\xff' where id = $1`, [ids[7]]);
    const reads = await store.readMany?.(ids);
    expect(reads?.flatMap(({ entry }, i) => (entry === undefined ? [i] : []))).toEqual([7]);
    expect(errors).not.toEqual([]);
  });

  it('by one statement where all are ordinary, however many', async () => {
    const { pool, statements } = countingPool(database.url);
    const store = await openStore({ connection: { pool } });
    const ids = Array.from({ length: 1000 }, (_, i) => `counted ${i}`);
    await Promise.all(ids.map((id) => store.set(ordinary(id))));
    await store.readMany?.(ids);
    statements.length = 0;
    const reads = await store.readMany?.(ids, 'values');
    expect(reads?.every(({ entry }) => entry !== undefined)).toBe(true);
    expect(statements).toEqual([expect.stringContaining('string_agg')]);
  });
});
