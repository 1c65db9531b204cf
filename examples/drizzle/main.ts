/**
 * How does an invalidation join a transaction of another library? As a function that runs SQL in it; here with Drizzle.
 *
 * `DATABASE_URL=postgres://... npx tsx examples/drizzle/main.ts`
 */
import { eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import { Cache, Cached } from 'keepsake';
import pg from 'pg';

const products = pgTable('example_product', { id: integer('id').primaryKey(), name: text('name').notNull() });

const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'] });
pool.on('error', () => undefined);
const db = drizzle(pool);
await db.execute(sql`create table if not exists example_product (id int primary key, name text not null)`);
await db
  .insert(products)
  .values({ id: 1, name: 'Tea pot' })
  .onConflictDoUpdate({ target: products.id, set: { name: 'Tea pot' } });

type Transaction = Parameters<Parameters<typeof db.transaction>[0]>[0];

/** Runs a statement with `$1`, `$2`, ... in a transaction of Drizzle's, which wants its parameters inside of the text. */
function within(trx: Transaction): (statement: string, params: string[]) => Promise<unknown> {
  return (statement, params) => {
    const parts = statement.split(/\$(\d+)/); // text, number, text, number, ...
    return trx.execute(
      sql.join(parts.map((part, i) => (i % 2 === 0 ? sql.raw(part) : sql`${params[Number(part) - 1]}`))),
    );
  };
}

class Products {
  @Cached('product:{id}', { ttl: '10m', tags: ['products'] })
  async name(id: number): Promise<string | null> {
    const [row] = await db.select().from(products).where(eq(products.id, id));
    return row?.name ?? null;
  }

  /** Both commit, or neither does. */
  async rename(id: number, name: string, outcome: 'commit' | 'roll back'): Promise<void> {
    await db.transaction(async (trx) => {
      await trx.update(products).set({ name }).where(eq(products.id, id));
      await Cache.invalidateTags(['products'], { trx: within(trx) });
      if (outcome === 'roll back') throw new Error('Changed my mind');
    });
  }
}

await Cache.configure({ connection: process.env['DATABASE_URL'], namespace: 'drizzle', startup: 'fail' });
await Cache.clear();
const shop = new Products();

console.log('at first:', await shop.name(1));
await shop.rename(1, 'Kettle', 'commit');
console.log('renamed:', await shop.name(1));
await shop.rename(1, 'Samovar', 'roll back').catch((error: Error) => console.log('rolled back:', error.message));
console.log('still:', await shop.name(1));

await Cache.close();
await db.execute(sql`drop table example_product`);
await pool.end();
