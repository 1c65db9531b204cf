/** A catalogue over a database that is slow: cached methods, which know nothing of requests. */
import { Cached } from 'keepsake';

export class Catalogue {
  /** How often the database was asked. */
  asked = 0;

  @Cached('product:{id}', { ttl: '10m', tags: ['products'] })
  async product(id: number): Promise<{ readonly id: number; readonly asked: number }> {
    this.asked += 1;
    return { id, asked: this.asked };
  }
}
