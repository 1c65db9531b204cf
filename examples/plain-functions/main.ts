/**
 * Plain functions: `cached` does for a function what `@Cached` does for a method, and gives it a handle for its arguments.
 *
 * `npx tsx examples/plain-functions/main.ts` runs it in this process's memory, `DATABASE_URL=postgres://...` before it in PostgreSQL.
 */
import { Cache } from 'keepsake';
import { convert, rate, service } from './rates.js';

await Cache.configure({ connection: process.env['DATABASE_URL'] ?? 'memory', namespace: 'plain-functions' });
await Cache.clear();

const show = (what: string, value: unknown): void => console.log(`${what.padEnd(38)}${String(value)}`);

show('convert(100, EUR, USD)', await convert(100, 'EUR', 'USD'));
show('convert(100, EUR, USD) again', await convert(100, 'EUR', 'USD'));
show(
  'ten callers of rate(USD, EUR)',
  (await Promise.all(Array.from({ length: 10 }, () => rate('USD', 'EUR'))))[0]?.toFixed(4),
);
show('requests so far', service.requests);

show('rate.key(EUR, USD)', rate.key('EUR', 'USD'));
show('rate.peek(EUR, USD)', await rate.peek('EUR', 'USD'));
show('rate.peek(EUR, CHF)', await rate.peek('EUR', 'CHF'));

service.euro = 1.1;
show('rate.refresh(EUR, USD)', await rate.refresh('EUR', 'USD'));
show('rate(EUR, USD)', await rate('EUR', 'USD'));
show('convert(100, EUR, USD), not refreshed', await convert(100, 'EUR', 'USD'));
show('convert.invalidate(100, EUR, USD)', await convert.invalidate(100, 'EUR', 'USD'));
show('convert(100, EUR, USD)', await convert(100, 'EUR', 'USD'));

await Cache.invalidateTags(['currency:USD']);
show('rate.peek(EUR, USD), tag invalidated', await rate.peek('EUR', 'USD'));
await Cache.set(Cache.key`rate:${'EUR'}:${'USD'}`, 1.2, { ttl: '1m' });
show('rate(EUR, USD), set by hand', await rate('EUR', 'USD'));
show('requests in all', service.requests);

await Cache.close();
