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
try {
  await configureCache(url, journal);
  const service = new CityService(pool);
  await journal.record("2nd process: search('sao paulo')", () => service.search('sao paulo'), showCities);
  await journal.record("2nd process: search('sao paulo')", () => service.search('sao paulo'), showCities);
} finally {
  await Cache.close();
  await pool.end();
}
process.send?.(journal.rows);
