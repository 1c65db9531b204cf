/** The service. Its own data is elsewhere, and takes 5 ms; only what is cached is in the database that goes away. */
import { setTimeout as wait } from 'node:timers/promises';
import { Cached, Early, Failover, InvalidateTags } from 'keepsake';

/** What was known last will do for a day, when the supplier fails. */
const LAST_KNOWN = { ttl: '1s', grace: '24h', backoff: '100ms', jitter: 0 } as const;

export class Shop {
  readonly #prices = new Map([['tea', 3]]);
  supplier: 'answers' | 'fails' = 'answers';

  @Cached('price:{product}', { ttl: '1h', tags: ['price:{product}'] })
  async price(product: string): Promise<number> {
    await wait(5);
    return this.#prices.get(product) ?? 1;
  }

  @InvalidateTags('price:{product}')
  async setPrice(product: string, price: number): Promise<string> {
    await wait(5);
    this.#prices.set(product, price);
    return 'changed';
  }

  /** Refreshed in the background by whoever asks when it is older than half a second. */
  @Early('rate:{currency}', { ttl: '1h', earlyTtl: '500ms', jitter: 0 })
  async rate(currency: string): Promise<string> {
    await wait(5);
    return `1 ${currency}`;
  }

  /** Expired values are in the shared tier, where they can be invalidated; when that is away as well, the fallback is left. */
  @Failover('delivery:{product}', { ...LAST_KNOWN, fallback: 'some day' })
  async delivery(product: string): Promise<string> {
    return await this.#ask(`${product} in 3 days`);
  }

  /** What must outlive both is kept in the process itself, where no other process can invalidate it. */
  @Failover('stock:{product}', { ...LAST_KNOWN, tiers: 'local' })
  async stock(product: string): Promise<string> {
    return await this.#ask(`${product}: plenty`);
  }

  async #ask(answer: string): Promise<string> {
    await wait(5);
    if (this.supplier === 'fails') throw new Error('The supplier does not answer');
    return answer;
  }
}
