/**
 * What happens to a service when the database of its cache goes away, and comes back? In the worst way: nothing is refused, nothing answers
 * any more.
 *
 * `npx tsx examples/outage/main.ts` on a PostgreSQL of its own; with `DATABASE_URL=postgres://...` on yours. 15 seconds.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Cache, createCache } from 'keepsake';
import { startEmbedded } from 'keepsake/embedded';
import { Network } from './network.js';
import { Shop } from './shop.js';
import { Timeline } from './timeline.js';

const server = process.env['DATABASE_URL'] === undefined ? await startEmbedded() : undefined;
const url = server?.connectionString ?? process.env['DATABASE_URL'] ?? '';
const network = await Network.to(url);
const timeline = new Timeline();
const options = {
  namespace: 'outage',
  startup: 'fail',
  observer: timeline,
  logger: { warn: () => undefined },
} as const;

await Cache.configure({
  ...options,
  connection: network.through(url),
  localLease: '5s', // for how long a local copy is believed when nothing is heard
  timeouts: { read: '500ms', write: '1s' },
  breaker: { failures: 8, probeAfter: '1s' },
});
await Cache.clear();
// Stands for another process, which reaches the database all the time.
const elsewhere = await createCache({ ...options, name: 'elsewhere', connection: url, local: false });
const shop = new Shop();

/** Waits for what the caches do by themselves. */
async function until(happened: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await happened())) await wait(20);
}

/** The price of so many products that nobody asked for before, all at once; answers how long the last one took. */
async function many(count: number): Promise<string> {
  const began = performance.now();
  await Promise.all(Array.from({ length: count }, (_, n) => shop.price(`product-${n}`)));
  return (performance.now() - began).toFixed(1);
}

timeline.chapter('Healthy');
await timeline.call("price('tea')", () => shop.price('tea'));
await timeline.call("price('tea')", () => shop.price('tea'));
await timeline.call("price('tea') in another process", () => elsewhere.get('price:tea'));
await timeline.call("price('milk')", () => shop.price('milk'));
await timeline.call("delivery('tea')", () => shop.delivery('tea'));
await timeline.call("stock('tea')", () => shop.stock('tea'));
await timeline.call("rate('EUR')", () => shop.rate('EUR'));
await wait(1_100);
await timeline.call("rate('EUR'), refreshed in the background", () => shop.rate('EUR'));
await Cache.idle();
shop.supplier = 'fails';
await timeline.call("delivery('tea'), the supplier fails", () => shop.delivery('tea'));

timeline.chapter('The network swallows everything');
network.goDown();
const goneAt = performance.now();
await timeline.call("price('tea')", () => shop.price('tea'));
await timeline.call("setPrice('tea', 4)", () => shop.setPrice('tea', 4));
timeline.line('invalidations owed', String(Cache.stats().owed));
await timeline.call("price('tea')", () => shop.price('tea'));
await timeline.call("price('tea') in another process", () => elsewhere.get('price:tea'));
await timeline.call("delivery('tea'), the supplier fails", () => shop.delivery('tea'));
await timeline.call("stock('tea'), the supplier fails", () => shop.stock('tea'));
await timeline.call('Cache.set, which says that it failed', () => Cache.set('x', 1, { ttl: '1m' }));
for (let n = 0; Cache.stats().store.breaker === 'closed'; n += 1) await shop.price(`before-${n}`);
timeline.line('200 new prices at once', 'all there', 'loader', await many(200));
await wait(Math.max(0, goneAt + 5_500 - performance.now()));
await timeline.call("price('milk'), its copy is too old", () => shop.price('milk'));

timeline.chapter('The network is back');
shop.supplier = 'answers';
network.comeBack();
await until(() => Cache.stats().store.breaker === 'closed' && Cache.stats().owed === 0);
timeline.line('invalidations owed', String(Cache.stats().owed));
await until(async () => (await elsewhere.get('price:tea')) === undefined);
timeline.line("price('tea') in another process", 'gone');
await until(() => Cache.stats().stream?.state === 'listening');
timeline.line('the stream', 'listening');
await timeline.call("price('tea')", () => shop.price('tea'));
await timeline.call("price('tea')", () => shop.price('tea'));
await timeline.call("price('tea') in another process", () => elsewhere.get('price:tea'));
await timeline.call("delivery('tea')", () => shop.delivery('tea'));

await elsewhere.close();
await Cache.close();
network.close();
await server?.stop();
