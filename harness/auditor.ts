/** The auditor: asks the shared tier itself, past every local tier, all the time. What it answers may never be older than an invalidation (INVARIANT 1). */
import { type CacheInstance, createCache } from 'keepsake';
import type { Cluster } from './cluster.js';
import { BrokenSubject } from './controls/broken-subject.js';
import { now, pause } from './monotonic.js';
import { Random } from './random.js';
import type { Item } from './worker/catalogue.js';
import { METHODS, type Method } from './worker/protocol.js';
import { Source } from './worker/source.js';

type Peek = (method: Method, key: number) => Promise<number | undefined>;

export class Auditor {
  readonly #cluster: Cluster;
  readonly #peek: Peek;
  readonly #release: () => Promise<void>;
  #state: 'running' | 'stopped' = 'running';
  readonly #work: Promise<void>;

  private constructor(cluster: Cluster, peek: Peek, release: () => Promise<void>) {
    this.#cluster = cluster;
    this.#peek = peek;
    this.#release = release;
    this.#work = this.#askOn();
  }

  static async start(cluster: Cluster): Promise<Auditor> {
    const { setup, server } = cluster;
    const { schema } = setup;
    if (setup.subject === 'keepsake') {
      const cache: CacheInstance = await createCache({
        name: 'auditor',
        connection: server.url,
        schema,
        local: false,
        sweep: false,
        loadDeadline: setup.loadDeadline,
        timeouts: { read: '2s' },
        logger: { warn: () => undefined },
      });
      const peek: Peek = async (method, key) =>
        (await cache.get<Item>(`${method}:${key}`, { tiers: 'shared' }))?.version;
      return new Auditor(cluster, peek, () => cache.close());
    }
    const source = new Source(server.url, schema);
    const { process } = cluster.member(0);
    const subject = new BrokenSubject(setup.subject, process.setup, source, new Random(0));
    return new Auditor(
      cluster,
      (method, key) => subject.peek('shared', method, key),
      () => source.close(),
    );
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    await this.#work;
    await this.#release();
  }

  /** One question after the other: questions that run together would share an answer. */
  async #askOn(): Promise<void> {
    const { keys } = this.#cluster.setup;
    while (this.#state === 'running') {
      for (let key = 0; key < keys && this.#state === 'running'; key += 1) {
        for (const method of METHODS) {
          const started = now();
          const version = await this.#peek(method, key).catch(() => undefined);
          if (version !== undefined) this.#cluster.checker.audit({ method, key, version, started });
        }
        await pause(1);
      }
    }
  }
}
