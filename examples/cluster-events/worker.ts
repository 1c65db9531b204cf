/** Another process of the same application, which publishes what its cache does. */
import { Cache } from 'keepsake';

await Cache.configure({ connection: process.env['DATABASE_URL'], publishEvents: { sample: 1 } });
await Cache.getOrSet('price:1', async () => 100, { ttl: '1m', useCase: 'Prices.find' });
await Cache.get('price:1', { useCase: 'Prices.find' });
await Cache.delete('price:1');
// Events are sent once a second; a program that goes on has nothing to wait for.
await new Promise((resolve) => setTimeout(resolve, 1_500));
await Cache.close();
