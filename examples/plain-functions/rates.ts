/** Exchange rates: plain functions over a service that is slow, cached where they are defined. */
import { setTimeout as sleep } from 'node:timers/promises';
import { cached, cacheEntry } from 'keepsake';

/** How often the slow service was asked. */
export const service = { requests: 0, euro: 1.05 };

/** One rate. Call it like any function; `rate.key`, `.peek`, `.refresh` and `.invalidate` take the same arguments. */
export const rate = cached(
  async (from: string, to: string): Promise<number> => {
    await sleep(20);
    service.requests += 1;
    cacheEntry().tags(`currency:${to}`);
    return from === 'EUR' ? service.euro : 1 / service.euro;
  },
  { key: 'rate:{from}:{to}', ttl: '10m', tags: ['rates', 'currency:{from}'] },
);

/** One cached function may call another: both are cached, each by its own policy. */
export const convert = cached(
  async (amount: number, from: string, to: string): Promise<string> => {
    const value = amount * (await rate(from, to));
    return `${value.toFixed(2)} ${to}`;
  },
  { key: 'convert:{amount}:{from}:{to}', ttl: '1m', tags: ['rates'] },
);
