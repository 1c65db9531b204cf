/** Reading many entries at once: whatever is among them, each is what reading it alone finds. */
import { describe, expect, it } from 'vitest';
import type { ReadDetail, Store, StoredEntry, StoreRead } from '../../src/ports/store.js';
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

  it.each([
    ['lists', '\u0001'],
    ['slices', '\u0002'],
  ])('with what stands between %s in an id', async (what, separator) => {
    const store = await openStore({ connection: database.url });
    const [a, b] = [`a ${what}`, `b ${what}`];
    const ids = [...around.map((id) => `apart ${what} ${id}`), a + separator + b, a, b];
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

  it('of several slices, with all kinds among them', async () => {
    const store = await openStore({ connection: database.url });
    const kinds = Object.values(KINDS);
    const ids = Array.from({ length: 400 }, (_, i) => `sliced ${i}`);
    // Every 40th is another kind, which is few enough for the next reads to gather; what follows it is missing.
    const given = (i: number) => (i % 40 === 0 ? kinds[i / 40] : undefined);
    const there = ids.filter((_, i) => i % 40 !== 1);
    await Promise.all(there.map((id) => store.set(ordinary(id, given(ids.indexOf(id))))));
    const alone = await compare(store, ids);
    expect(alone.filter(({ entry }) => entry === undefined)).toHaveLength(10);
    const once = await store.readMany?.([...ids, ids[7] ?? '']);
    expect(once?.at(-1)?.entry?.encoded).toEqual(once?.[7]?.entry?.encoded);
  });

  it('are told of slice by slice, before all of them are there', async () => {
    const store = await openStore({ connection: database.url });
    const ids = Array.from({ length: 400 }, (_, i) => `early ${i}`);
    await Promise.all(ids.slice(0, 390).map((id) => store.set(ordinary(id))));
    await store.set(ordinary(ids[9] ?? '', KINDS['sliding']));
    let status: 'reading' | 'read' = 'reading';
    const heard: (readonly [place: number, entry: StoredEntry])[] = [];
    const parts: number[] = [];
    const reading = store.readMany?.(ids, 'values', (places, entries) => {
      expect(status).toBe('reading');
      expect(entries).toHaveLength(places.length);
      parts.push(places.length);
      for (const [i, entry] of entries.entries()) heard.push([places[i] ?? 0, entry]);
    });
    const reads = (await reading) ?? [];
    status = 'read';
    // All that is ordinary, in four slices; and they are the very entries of the answer.
    expect(parts).toEqual([124, 125, 125, 15]);
    expect(heard.filter(([place, entry]) => reads[place]?.entry !== entry)).toEqual([]);
    expect(reads.filter(({ entry }) => entry !== undefined)).toHaveLength(390);
  });

  it('INVARIANT 25: of which one in a later slice is damaged: what was told of before is no answer', async () => {
    const store = await openStore({ connection: database.url, onError: () => undefined });
    const ids = Array.from({ length: 300 }, (_, i) => `damaged late ${i}`);
    await Promise.all(ids.map((id) => store.set(ordinary(id))));
    const other = await connect(database.url);
    await other.query(`update ${table()} set value = '\\xff' where id = $1`, [ids[280]]);
    const heard = new Set<StoredEntry>();
    const reads = await store.readMany?.(ids, 'values', (_, entries) => {
      for (const entry of entries) heard.add(entry);
    });
    expect(heard.size).toBe(250);
    expect(reads?.flatMap(({ entry }, i) => (entry === undefined ? [i] : []))).toEqual([280]);
    expect(reads?.some(({ entry }) => entry !== undefined && heard.has(entry))).toBe(false);
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
