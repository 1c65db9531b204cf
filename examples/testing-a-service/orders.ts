/** The service under test. */
import { Cached, Failover, InvalidateTags } from 'keepsake';

export interface Order {
  readonly customer: string;
}

export class Orders {
  readonly #placed: Order[] = [];
  queries = 0;
  isAway = false;

  @Cached('orders:{customer}', { ttl: '10m', tags: ['orders:{customer}'] })
  @Failover({ grace: '1h' })
  async open(customer: string): Promise<number> {
    if (this.isAway) throw new Error('The database is away');
    this.queries += 1;
    return this.#placed.filter((order) => order.customer === customer).length;
  }

  @InvalidateTags('orders:{order.customer}')
  async place(order: Order): Promise<void> {
    this.#placed.push(order);
  }
}
