/** The application under test: a service whose methods are cached, as its users write them. */
import { Cached, CachePut, Early, Failover, InvalidateTags } from 'keepsake';
import { pause } from '../monotonic.js';
import type { Random } from '../random.js';
import { loadTime, type Source, SourceError } from './source.js';

/** How many groups of keys there are. A row carries the tags of itself and of its group. */
export const GROUPS = 8;

export interface Item {
  readonly id: number;
  readonly version: number;
}

export class Catalogue {
  readonly #source: Source;
  readonly #random: Random;
  /** How often a method's own body ran. */
  loads = 0;

  constructor(source: Source, random: Random) {
    this.#source = source;
    this.#random = random;
  }

  @Cached('cached:{id}', { ttl: '5m', tags: ['items', 'item:{id}', 'group:{group}'] })
  async cached(id: number, group: number): Promise<Item> {
    return await this.#load(id, group);
  }

  @Early('early:{id}', { ttl: '3s', earlyTtl: '500ms', tags: ['items', 'item:{id}', 'group:{group}'] })
  async early(id: number, group: number): Promise<Item> {
    return await this.#load(id, group);
  }

  /** Its loads fail now and then, so that stale values are served: never those that were invalidated. */
  @Failover('failover:{id}', {
    ttl: '1s',
    grace: '5m',
    backoff: '300ms',
    tags: ['items', 'item:{id}', 'group:{group}'],
  })
  async failover(id: number, group: number): Promise<Item> {
    if (this.#random.chance(0.2)) throw new SourceError('The harness let this load fail');
    return await this.#load(id, group);
  }

  /** Changes a row, and owes the invalidation of what was cached of it. */
  @InvalidateTags('item:{id}')
  async save(id: number): Promise<number> {
    return await this.#source.transaction((client) => this.#source.change(client, id, 'commit'));
  }

  /** Changes a row, and stores it for `cached`. */
  @CachePut('cached:{id}', { ttl: '5m', tags: ['items', 'item:{id}', 'group:{group}'] })
  async put(id: number, group: number): Promise<Item> {
    if (group !== id % GROUPS) throw new RangeError(`Item ${id} is not of group ${group}`);
    const version = await this.#source.transaction((client) => this.#source.change(client, id, 'commit'));
    return { id, version };
  }

  async #load(id: number, group: number): Promise<Item> {
    if (group !== id % GROUPS) throw new RangeError(`Item ${id} is not of group ${group}`);
    this.loads += 1;
    const version = await this.#source.version(id);
    await pause(loadTime(this.#random));
    return { id, version };
  }
}
