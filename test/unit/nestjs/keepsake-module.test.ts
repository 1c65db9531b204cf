/** The module in real NestJS applications, made without decorators; a compiled one with them is in test/examples/package.test.ts. */
import 'reflect-metadata';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterEach, describe, expect, it } from 'vitest';
import { Cache } from '../../../src/default-cache.js';
import type { CacheInstance } from '../../../src/engine/cache.js';
import { cacheToken, KeepsakeModule } from '../../../src/nestjs/keepsake-module.js';

class Application {}

type Context = Awaited<ReturnType<typeof NestFactory.createApplicationContext>>;

let context: Context | undefined;

async function stop(): Promise<void> {
  const running = context;
  context = undefined;
  await running?.close();
}

afterEach(stop);

async function start(...imports: DynamicModule[]): Promise<Context> {
  const module = { module: Application, imports };
  context = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
  return context;
}

describe('KeepsakeModule', () => {
  it('opens the cache with the application, injects it, and closes it with the application', async () => {
    const application = await start(KeepsakeModule.forRoot({ connection: 'memory', defaults: { ttl: '1m' } }));
    const cache = application.get<CacheInstance>(cacheToken());
    expect(cache).toBe(Cache.named('default'));
    await cache.set('key', 1);
    expect(await Cache.get('key')).toBe(1);
    await stop();
    expect(() => Cache.named('default')).toThrow(expect.objectContaining({ code: 'NOT_CONFIGURED' }));
  });

  it('the cache is open before anything is initialized, and until everything is shut down', async () => {
    const seen: unknown[] = [];
    const life = (cache: CacheInstance) => ({
      onModuleInit: () => cache.set('key', 'from the start'),
      onModuleDestroy: async () => seen.push(await cache.get('key')),
      beforeApplicationShutdown: async () => seen.push(await cache.get('key')),
    });
    const feature: DynamicModule = {
      module: class Feature {},
      providers: [{ provide: 'life', inject: [cacheToken()], useFactory: life }],
    };
    await start(KeepsakeModule.forRoot({ connection: 'memory', defaults: { ttl: '1m' } }), feature);
    await stop();
    expect(seen).toEqual(['from the start', 'from the start']);
  });

  it('options may come from other providers; several caches have names', async () => {
    const settings: DynamicModule = {
      module: class Settings {},
      providers: [{ provide: 'namespace', useValue: 'shop' }],
      exports: ['namespace'],
    };
    const application = await start(
      KeepsakeModule.forRoot({ connection: 'memory' }),
      KeepsakeModule.forRootAsync({
        name: 'reports',
        imports: [settings],
        inject: ['namespace'],
        useFactory: async (namespace: string) => ({ connection: 'memory', namespace }),
      }),
    );
    expect(application.get<CacheInstance>(cacheToken('reports')).name).toBe('reports');
    expect(application.get<CacheInstance>(cacheToken()).name).toBe('default');
  });

  it.each([
    [
      'wrong options',
      KeepsakeModule.forRoot({ connection: 'memory', poolSise: 1 } as object),
      'did you mean `poolSize`',
    ],
    [
      'a name that differs',
      KeepsakeModule.forRootAsync({ name: 'one', useFactory: () => ({ connection: 'memory', name: 'two' }) }),
      'give `name` beside `useFactory`',
    ],
  ])('%s fail while the application is created', async (_what, module, message) => {
    await expect(start(module)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(message),
    });
  });
});
