/**
 * What are the caches of all my processes doing? One process reads what the others publish, and counts it by use case.
 *
 * `DATABASE_URL=postgres://... npx tsx examples/cluster-events/main.ts`
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createCache } from 'keepsake';

// It only looks on: it needs no local tier, and no name that decorators would find.
const onlooker = await createCache({ name: 'onlooker', connection: process.env['DATABASE_URL'], local: false });
await onlooker.delete('price:1');
const events = onlooker.events({ cluster: true });
while (events.state !== 'listening') await new Promise((resolve) => setTimeout(resolve, 20));

const worker = fileURLToPath(new URL('worker.ts', import.meta.url));
spawn(process.execPath, ['--import', 'tsx', worker], { stdio: 'inherit' });

const counts = new Map<string, number>();
for await (const event of events) {
  if (!('origin' in event)) continue; // this process's own
  const what = `${event.useCase ?? 'elsewhere'} ${event.type}`;
  counts.set(what, (counts.get(what) ?? 0) + 1);
  if (event.type === 'invalidate') break; // the connection it listened on ends with the loop
}
for (const [what, count] of counts) console.log(`${what}: ${count}`);
console.log('dropped:', events.dropped, 'ignored:', events.ignored);
await onlooker.close();
