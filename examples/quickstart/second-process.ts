/** A second process of the same application: it shares the database with the first, and nothing else. */
import { Cache } from 'keepsake';
import { showCities } from './answers.js';
import { configureCache } from './cache.js';
import { CityService } from './city-service.js';
import { applicationPool } from './database.js';
import { Journal } from './journal.js';

const url = process.env['DATABASE_URL'] ?? '';
const pool = applicationPool(url);
const journal = new Journal();
await configureCache(url, journal);
const service = new CityService(pool);

// Every message of the first process is one call; the answer is the row of the journal that it made.
process.on('message', () => void answer());
process.once('disconnect', () => void end());

async function answer(): Promise<void> {
  await journal.record("2nd process: search('sao paulo')", () => service.search('sao paulo'), showCities);
  process.send?.(journal.rows.at(-1));
}

async function end(): Promise<void> {
  await Cache.close();
  await pool.end();
}
