/**
 * The quickstart: methods over a real table, cached in a real PostgreSQL. `npm run demo` runs it.
 *
 * It starts a PostgreSQL of its own, or uses yours: `DATABASE_URL=postgres://... npm run demo`. Everything it makes there is in the
 * schema `keepsake_quickstart`, which is dropped at the end (or by the next run, if this one is interrupted).
 */
import { Cache } from 'keepsake';
import { configureCache } from './cache.js';
import { CityService } from './city-service.js';
import { openDatabase } from './database.js';
import { Journal } from './journal.js';
import { loadCities } from './load-cities.js';
import { OtherProcess } from './other-process.js';
import { summary, table } from './report.js';
import { STEPS, type Stage } from './steps.js';

const began = performance.now();
console.log('Keepsake quickstart: methods over a real table, cached in PostgreSQL\n');

const database = await openDatabase(process.env['DATABASE_URL']);
const other = new OtherProcess(database.url);
try {
  console.log(`${database.description}\n`);
  const cities = await loadCities(database.pool);
  const journal = new Journal();
  await configureCache(database.url, journal);
  const stage: Stage = { service: new CityService(database.pool), journal, database, other };

  for (const [index, step] of STEPS.entries()) {
    console.log(`${index + 1}. ${step.title}\n   ${step.explanation.join('\n   ')}`);
    journal.begin(index + 1);
    await step.play(stage);
  }
  console.log(`\n${table(journal.rows)}\n`);
  console.log(summary(journal.rows, cities));
} finally {
  await Promise.allSettled([other.stop(), Cache.close()]);
  await database.close();
}
console.log(
  `Everything is stopped and removed again, ${((performance.now() - began) / 1000).toFixed(0)} s after the start.`,
);
