/**
 * How can the result decide how long it is kept? Inside of a load `cacheEntry()` says so; it wins over the decorator.
 *
 * `npx tsx examples/adaptive-lifetimes/main.ts`, with `DATABASE_URL=postgres://...` before it over PostgreSQL.
 */
import { Cache, Cached, cacheEntry } from 'keepsake';

interface Quote {
  readonly symbol: string;
  readonly price: number;
  readonly market: 'open' | 'closed' | 'unknown';
}

class Exchange {
  requests = 0;
  readonly #markets: Readonly<Record<string, Quote['market']>> = { OSL: 'open', NYC: 'closed' };

  @Cached('quote:{symbol}', { ttl: '1m', jitter: 0 })
  async quote(symbol: string): Promise<Quote> {
    this.requests += 1;
    const market = this.#markets[symbol.slice(0, 3)] ?? 'unknown';
    const entry = cacheEntry();
    entry.tags(`market:${market}`); // learned from the answer
    if (market === 'closed') entry.ttl('8h'); // nothing will change before the morning
    if (market === 'unknown') entry.skip(); // answered, and not kept
    return { symbol, price: symbol.length, market };
  }
}

await Cache.configure({ connection: process.env['DATABASE_URL'] ?? 'memory', namespace: 'adaptive-lifetimes' });
await Cache.clear();
const exchange = new Exchange();

for (const symbol of ['OSL:EQNR', 'NYC:IBM', 'BER:ABC']) {
  const { market } = await exchange.quote(symbol);
  const left = await Cache.ttl(Cache.key`quote:${symbol}`);
  console.log(`${market.padEnd(8)} ${left === undefined ? 'not kept' : `kept for ${Math.ceil(left / 60_000)} min`}`);
}

await Cache.invalidateTags(['market:closed']); // the market has opened
await Promise.all(['OSL:EQNR', 'NYC:IBM'].map((symbol) => exchange.quote(symbol)));
console.log('requests:', exchange.requests);

await Cache.close();
