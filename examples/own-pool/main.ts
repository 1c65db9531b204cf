/**
 * How does the cache use the pool the application has already? Give it: it is used as it is, and never closed.
 *
 * `DATABASE_URL=postgres://... npx tsx examples/own-pool/main.ts`
 */
import { Cache, Cached, InvalidateTags } from 'keepsake';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 4 });
pool.on('error', () => undefined); // pg asks for it: a connection may break while it is idle
await pool.query('create table if not exists example_stock (product text primary key, amount int not null)');
await pool.query("insert into example_stock values ('kettle', 3) on conflict (product) do update set amount = 3");

await Cache.configure({ pool, namespace: 'own-pool', startup: 'fail' });
await Cache.clear();

class Stock {
  @Cached('stock:{product}', { ttl: '10m', tags: ['stock:{product}'] })
  async of(product: string): Promise<number> {
    const { rows } = await pool.query<{ amount: number }>('select amount from example_stock where product = $1', [
      product,
    ]);
    return rows[0]?.amount ?? 0;
  }

  @InvalidateTags('stock:{product}')
  async take(product: string): Promise<void> {
    await pool.query('update example_stock set amount = amount - 1 where product = $1', [product]);
  }
}

const stock = new Stock();
console.log('kettles:', await stock.of('kettle'));
await stock.take('kettle');
console.log('kettles:', await stock.of('kettle'));

// In one transaction with the change, on a connection of the same pool.
await Cache.transaction(pool, async (client) => {
  await client.query("update example_stock set amount = 10 where product = 'kettle'");
  await Cache.invalidateTags(['stock:kettle']);
});
console.log('kettles:', await stock.of('kettle'));

await Cache.close();
console.log('the pool is', pool.ended ? 'ended' : 'still ours');
await pool.query('drop table example_stock');
await pool.end();
