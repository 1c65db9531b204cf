/** The one call that an application makes at its start. Both processes of the quickstart make it. */
import { Cache, type Observer } from 'keepsake';
import { SCHEMA } from './database.js';

export async function configureCache(url: string, observer: Observer): Promise<void> {
  await Cache.configure({
    connection: url,
    // The cache's tables stand beside the application's. The default is the schema `public`.
    schema: SCHEMA,
    // Hears every event: the table at the end is made of them.
    observer,
    // By default a read that takes longer than 250 ms is given up and the method runs. A busy laptop may need longer.
    timeouts: { read: '10s', write: '10s' },
  });
}
