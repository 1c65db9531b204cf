/** A program that uses decorated methods and the escape hatch, and never configures a cache. */
import { Cached } from '../../../src/decorators/cached.js';
import { InvalidateTags } from '../../../src/decorators/invalidate-tags.js';
import { Cache } from '../../../src/default-cache.js';

class Products {
  loads = 0;

  @Cached('product:{id}', { ttl: '10m', tags: ['products'] })
  async product(id: number): Promise<number> {
    this.loads += 1;
    return id;
  }

  @InvalidateTags('products')
  async save(): Promise<string> {
    return 'saved';
  }
}

const warnings: string[] = [];
process.on('warning', ({ name, message }) => warnings.push(`${name}: ${message}`));
const products = new Products();
const answers: unknown[] = [];
for (let i = 0; i < 3; i += 1) {
  answers.push(await products.product(1), await products.save());
  answers.push(await Cache.getOrSet('key', () => 'loaded'), (await Cache.get('key')) ?? 'nothing');
}
// Warnings are told in a later turn of the event loop.
setImmediate(() => console.log(JSON.stringify({ loads: products.loads, answers, warnings })));
