/**
 * Scopes: what a request may find in the cache is decided once, where the request begins.
 *
 * `npx tsx examples/fastify/main.ts` runs it in this process's memory, `DATABASE_URL=postgres://...` before it in PostgreSQL. It sends its
 * requests to itself; `app.listen()` instead would serve others.
 */
import { buildApp } from './app.js';

const { app, catalogue } = await buildApp(process.env['DATABASE_URL'] ?? 'memory');

async function get(what: string, headers: Record<string, string> = {}): Promise<void> {
  const answer = await app.inject({ url: '/products/42', headers });
  console.log(`${what.padEnd(44)}${answer.body}`);
}

await get('GET /products/42');
await get('GET /products/42 again');
await get('with cache-control: no-store', { 'cache-control': 'no-store' });
await get('again: what was there');
await get('with cache-control: no-cache', { 'cache-control': 'no-cache' });
await get('again: what that loaded');
const [outside] = await Promise.all([catalogue.product(42), get('again, beside a call in no request')]);
console.log(`${'the call in no request'.padEnd(44)}${JSON.stringify(outside)}`);

await app.close();
