/**
 * Collections: a method that takes many ids, cached by id, and calls for many entries at once.
 *
 * `npx tsx examples/collections/main.ts` runs it in this process's memory, `DATABASE_URL=postgres://...` before it in PostgreSQL.
 */
import { Cache, escapeLike } from 'keepsake';
import { type Article, Warehouse } from './warehouse.js';

await Cache.configure({ connection: process.env['DATABASE_URL'] ?? 'memory', namespace: 'collections' });
await Cache.clear();

const warehouse = new Warehouse();
const show = (what: string, value: string): void => console.log(`${what.padEnd(38)}${value}`);
const names = (articles: readonly (Article | null)[]): string => articles.map((one) => one?.name ?? 'none').join(' ');

show('articles([3, 1])', names(await warehouse.articles([3, 1])));
show('articles([1, 2, 1, 99])', names(await warehouse.articles([1, 2, 1, 99])));
show('article(2), article(99)', names([await warehouse.article(2), await warehouse.article(99)]));
const [one, other] = await Promise.all([warehouse.articles([3, 4, 5]), warehouse.articles([5, 4])]);
show('[3, 4, 5] and [5, 4] at once', `${names(one)} | ${names(other)}`);
show('queries so far', warehouse.queries.join(' '));

warehouse.take(1, 3);
await Cache.invalidateTags('article:1');
show('stock after article:1 has changed', String((await warehouse.articles([1, 2, 3])).map(({ stock }) => stock)));
show('queries in all', warehouse.queries.join(' '));

const kept = await Cache.getMany<Article>(['article:5', 'article:6', 'article:1']);
show('getMany', [...kept].map(([key, { name }]) => `${key} ${name}`).join(', '));
const labels = await Cache.getOrSetMany(
  ['label:1', 'label_1', 'label:2'],
  async (keys) => keys.map((key) => key.toUpperCase()),
  { ttl: '1h' },
);
show('getOrSetMany', [...labels.values()].join(' '));
show('setIfAbsent, twice', [await claim('inventory'), await claim('inventory')].join(' '));

const listed: string[] = [];
for await (const { key, value } of Cache.entries({ prefix: 'article:' }))
  listed.push(value === null ? `${key} (null)` : key);
show('entries', listed.join(' '));
show('deletePattern', String(await Cache.deletePattern(`${escapeLike('label_')}%`)));
show('left of the labels', [...(await Cache.getMany(labels.keys())).keys()].join(' '));

await Cache.close();

/** Whether this process is the first that does a job. */
async function claim(job: string): Promise<boolean> {
  return await Cache.setIfAbsent(`claimed:${job}`, process.pid, { ttl: '1m' });
}
