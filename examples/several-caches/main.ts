/**
 * How does one process keep several caches? Each has a name, by which decorators choose it, and options of its own.
 *
 * `npx tsx examples/several-caches/main.ts`, with `DATABASE_URL=postgres://...` before it over PostgreSQL.
 */
import { Cache, Cached, createCache } from 'keepsake';

const connection = process.env['DATABASE_URL'] ?? 'memory';
await Cache.configure({ connection, namespace: 'shop', defaults: { ttl: '10m' } });
const reports = await createCache({
  name: 'reports',
  connection,
  namespace: 'reports', // keys and tags of the two never meet, though the table is one
  local: false, // large and seldom asked for: not worth the memory of every process
  defaults: { ttl: '1d' },
});
await Promise.all([Cache.clear(), reports.clear()]);

let runs = 0;

class Shop {
  @Cached('price:{id}')
  async price(id: number): Promise<number> {
    runs += 1;
    return id * 100;
  }

  @Cached('report:{year}', { cache: 'reports' })
  async report(year: number): Promise<string> {
    runs += 1;
    return `the report of ${year}`;
  }
}

const shop = new Shop();
for (let round = 0; round < 2; round += 1) await Promise.all([shop.price(1), shop.report(2025)]);
console.log('runs for two rounds:', runs);
console.log('in the default cache:', await Cache.has('price:1'), await Cache.has('report:2025'));
console.log('in reports:', await reports.has('price:1'), await reports.has('report:2025'));

await Cache.clear();
await Promise.all([shop.price(1), shop.report(2025)]);
console.log('runs after clearing the default one:', runs);

await Promise.all([Cache.close(), reports.close()]);
