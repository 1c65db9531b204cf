/**
 * A Fastify application that opens a scope of the cache for each request. The cache is configured with `scope: 'opt-in'`: outside of requests
 * (jobs, scripts, tests) methods just run, inside they are cached as the request says.
 */

import Fastify, { type FastifyInstance } from 'fastify';
import { type CacheInstance, createCache } from 'keepsake';
import { Catalogue } from './catalogue.js';

/** How a request says it: `cache-control` as in HTTP, for those who may look behind the cache. */
function scopeOf(cache: CacheInstance, wish: string | undefined): (run: () => void) => void {
  if (wish === 'no-store') return (run) => cache.disable(run);
  if (wish === 'no-cache') return (run) => cache.enable(() => cache.refresh(run));
  return (run) => cache.enable(run);
}

export async function buildApp(
  connection: string,
): Promise<{ readonly app: FastifyInstance; readonly catalogue: Catalogue }> {
  const cache = await createCache({ connection, scope: 'opt-in', namespace: 'fastify-example' });
  const catalogue = new Catalogue();
  const app = Fastify();
  // `done` goes on with the request: all of it is in the scope, long after this hook has returned.
  app.addHook('onRequest', (request, _reply, done) => scopeOf(cache, request.headers['cache-control'])(done));
  app.addHook('onClose', () => cache.close());
  app.get<{ Params: { id: string } }>('/products/:id', (request) => catalogue.product(Number(request.params.id)));
  return { app, catalogue };
}
