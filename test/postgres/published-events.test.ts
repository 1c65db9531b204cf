/** Events on a channel of the database: any client can listen, in any language. */
import { expect, it } from 'vitest';
import { useDatabase } from '../support/database.js';
import { connectApart, eventually, MIGRATED, openCache } from './cache-fixture.js';

const database = useDatabase({ template: MIGRATED });

it('publishEvents: a client that listens hears what the cache does, on a channel of its own', async () => {
  const client = await connectApart(database.url);
  const heard: { readonly type: string; readonly key: string }[] = [];
  client.on('notification', ({ payload = '' }) => heard.push(JSON.parse(payload)));
  await client.query('listen "cache-news:events"');
  const { cache } = await openCache({ connection: database.url, channel: 'cache-news', publishEvents: { sample: 1 } });
  await cache.set('k', 1);
  await cache.get('k');
  await cache.delete('k');
  await eventually(() =>
    expect(heard.map(({ type, key }) => `${type} ${key}`)).toEqual(['write k', 'hit k', 'invalidate k']),
  );
});
