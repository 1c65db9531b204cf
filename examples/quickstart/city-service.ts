/** A service as applications have them: a class whose methods ask the database. The decorators are all that caching adds. */
import { Cached, cacheEntry, Early, Failover, InvalidateTags } from 'keepsake';
import type pg from 'pg';

export interface City {
  readonly name: string;
  readonly country: string;
  readonly lat: number;
  readonly lng: number;
}

export interface NearbyCity extends City {
  readonly km: number;
}

export interface Extremes {
  readonly northernmost: string;
  readonly southernmost: string;
}

export interface Namesake {
  readonly name: string;
  readonly countries: number;
}

export interface CountrySize {
  readonly country: string;
  readonly cities: number;
}

export class CityService {
  readonly #database: pg.Pool;

  constructor(database: pg.Pool) {
    this.#database = database;
  }

  /** Cities whose names contain a text, accents aside: `sao paulo` finds São Paulo. No index helps; every row is read. */
  @Cached('search:{text:lower}', { ttl: '10m', tags: ['cities'] })
  async search(text: string): Promise<readonly City[]> {
    const { rows } = await this.#database.query<City>(
      `select name, country, lat, lng
       from keepsake_quickstart.city
       where regexp_replace(normalize(lower(name), nfd), '[\\u0300-\\u036f]', '', 'g') like '%' || $1 || '%'
       order by name, country`,
      [text.toLowerCase()],
    );
    // A load can say how its own result is to be kept: what is not there yet is worth asking for again soon.
    if (rows.length === 0) cacheEntry().ttl('30s');
    return rows;
  }

  /** The cities nearest to a point, by the haversine formula over all rows. */
  @Cached('nearest:{lat}:{lng}', { ttl: '10m', tags: ['cities'] })
  async nearest(lat: number, lng: number): Promise<readonly NearbyCity[]> {
    const { rows } = await this.#database.query<NearbyCity>(
      `select name, country, lat, lng, 2 * 6371 * asin(sqrt(
         power(sin(radians(lat - $1) / 2), 2)
         + cos(radians($1)) * cos(radians(lat)) * power(sin(radians(lng - $2) / 2), 2)
       )) as km
       from keepsake_quickstart.city
       order by km
       limit 3`,
      [lat, lng],
    );
    return rows;
  }

  /** The northernmost and the southernmost city of a country. Its tag names the country, so that other countries do not matter. */
  @Cached('extremes:{country}', { ttl: '10m', tags: ['country:{country}'] })
  async extremes(country: string): Promise<Extremes | null> {
    const { rows } = await this.#database.query<Extremes>(
      `select (array_agg(name order by lat desc))[1] as northernmost, (array_agg(name order by lat))[1] as southernmost
       from keepsake_quickstart.city
       where country = $1
       group by country`,
      [country],
    );
    return rows[0] ?? null;
  }

  /** The names that cities of the most countries bear. Refreshed before it expires, so that nobody waits for it. */
  @Early('namesakes', { ttl: '30s', earlyTtl: '1s', tags: ['cities'] })
  async namesakes(): Promise<readonly Namesake[]> {
    const { rows } = await this.#database.query<Namesake>(
      `select name, count(distinct country)::int as countries
       from keepsake_quickstart.city
       group by name
       order by countries desc, name
       limit 5`,
    );
    return rows;
  }

  /** The countries with the most cities. When the table cannot be read, the last known answer is better than none. */
  @Failover('largest', { ttl: '1s', grace: '24h', backoff: '2s', tags: ['cities'] })
  async largest(): Promise<readonly CountrySize[]> {
    const { rows } = await this.#database.query<CountrySize>(
      `select country, count(*)::int as cities
       from keepsake_quickstart.city
       group by country
       order by cities desc
       limit 5`,
    );
    return rows;
  }

  /** Adds a city. Whatever was made of the list of all cities, or of those of its country, is not served any more. */
  @InvalidateTags('cities', 'country:{city.country}')
  async add(city: City): Promise<void> {
    await this.#database.query(
      'insert into keepsake_quickstart.city (name, country, lat, lng) values ($1, $2, $3, $4)',
      [city.name, city.country, city.lat, city.lng],
    );
  }

  /** How many cities lie south of the equator. Not decorated: the quickstart caches it where it is called. */
  async southern(): Promise<number> {
    const { rows } = await this.#database.query<{ readonly count: number }>(
      'select count(*)::int as count from keepsake_quickstart.city where lat < 0',
    );
    return rows[0]?.count ?? 0;
  }
}
