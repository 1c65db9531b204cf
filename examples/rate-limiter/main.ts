/**
 * How do I limit the calls of a user over all processes? Two caches stand for two processes.
 *
 * Run it with `npx tsx examples/rate-limiter/main.ts`. It starts a PostgreSQL of its own, or uses that of `DATABASE_URL`, where its tables are
 * called `rate_limiter_…`.
 */
import { createCache } from 'keepsake';
import { startEmbedded } from 'keepsake/embedded';
import { RateLimiter } from './rate-limiter.js';

const url = process.env['DATABASE_URL'];
const server = url === undefined ? await startEmbedded() : undefined;
const connection = url ?? server?.connectionString ?? '';
// Counters are never in the local tier, so these caches need none.
const options = { connection, local: false, prefix: 'rate_limiter_', startup: 'fail' } as const;
const here = await createCache({ ...options, name: 'here' });
const there = await createCache({ ...options, name: 'there' });
try {
  const limit = { calls: 5, window: '1s' };
  const [one, other] = [new RateLimiter(here, limit), new RateLimiter(there, limit)];
  const user = `ann ${Date.now()}`;

  const calls = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? one : other).take(user));
  const verdicts = await Promise.all(calls);
  const refused = verdicts.filter(({ allowed }) => !allowed);
  console.log(
    `12 calls at once in two processes: ${verdicts.length - refused.length} allowed, ${refused.length} refused`,
  );

  const wait = Math.max(...refused.map(({ retryAfter }) => retryAfter));
  console.log(`those who were refused may come back in ${wait > 0 && wait <= 1_000 ? 'up to a second' : `${wait} ms`}`);
  await new Promise((resolve) => setTimeout(resolve, wait));

  const next = await other.take(user);
  console.log(`in the next window: ${next.allowed ? 'allowed' : 'refused'}, ${next.left} left`);
} finally {
  await there.close();
  await here.close();
  await server?.stop();
}
