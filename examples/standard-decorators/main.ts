/**
 * What do the decorators do? Standard ones, as TypeScript compiles them without any setting; `experimentalDecorators` changes nothing.
 *
 * `npx tsx examples/standard-decorators/main.ts`, with `DATABASE_URL=postgres://...` before it over PostgreSQL.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Cache, Cached, Early, Failover, InvalidateTags } from 'keepsake';

interface City {
  readonly id: number;
  readonly name: string;
}

class Cities {
  readonly #names = new Map([[1, 'Bergen']]);
  queries = 0;
  isDown = false;

  /** Answered from the cache for ten minutes, one entry for each id. */
  @Cached('city:{id}', { ttl: '10m', tags: ['cities', 'city:{id}'] })
  async find(id: number): Promise<City | null> {
    this.queries += 1;
    const name = this.#names.get(id);
    return name === undefined ? null : { id, name };
  }

  /** The last good answer, for up to a day, while the method fails. */
  @Failover('weather:{city}', { ttl: 40, jitter: 0 })
  async weather(city: string): Promise<string> {
    if (this.isDown) throw new Error('The weather service is down');
    return `rain in ${city}`;
  }

  /** Refreshed before it expires, in the background: nobody waits. */
  @Early({ earlyTtl: '80%' })
  @Cached({ ttl: '1m', tags: ['cities'] })
  async count(): Promise<number> {
    return this.#names.size;
  }

  /** When it has succeeded, nothing that carries this city's tag is served any more. */
  @InvalidateTags('city:{city.id}')
  async rename(city: City): Promise<void> {
    this.#names.set(city.id, city.name);
  }
}

await Cache.configure({ connection: process.env['DATABASE_URL'] ?? 'memory', namespace: 'standard-decorators' });
await Cache.clear();
const cities = new Cities();

console.log('found', (await cities.find(1))?.name, 'and', (await cities.find(1))?.name, 'in', cities.queries, 'query');
await cities.rename({ id: 1, name: 'Bjørgvin' });
console.log('renamed:', (await cities.find(1))?.name);
console.log('counted', await cities.count());

console.log(await cities.weather('Bergen'));
cities.isDown = true;
await pause(100);
console.log(await cities.weather('Bergen'), '(stale: the service is down)');

await Cache.close();
