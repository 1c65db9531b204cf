/** What an application does at its start. Both processes of the quickstart do it. */
import { setTimeout as sleep } from 'node:timers/promises';
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
  await untilListening();
}

/**
 * Waits until this process hears what others invalidate. No application needs this: before that moment nothing is kept in the local
 * tier for good, and that is all. Here it makes the table the same in every run.
 */
async function untilListening(): Promise<void> {
  while (Cache.stats().stream?.state !== 'listening') await sleep(10);
}
