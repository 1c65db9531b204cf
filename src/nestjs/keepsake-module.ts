/**
 * Keepsake in a NestJS application: a module that opens a cache before anything is initialized, injects it, and closes it after everything
 * else has been shut down.
 *
 * Decorated methods need no injection: they find their cache by its name, as everywhere.
 */
import { type DynamicModule, Inject, type ModuleMetadata } from '@nestjs/common';
import type { CacheOptions } from '../cache-options.js';
import { createCache } from '../configure.js';
import type { CacheInstance } from '../engine/cache.js';
import { ConfigurationError } from '../errors.js';
import { CACHE_DEFAULTS } from '../kernel/defaults.js';

/** What {@link KeepsakeModule.forRootAsync} takes. */
export interface KeepsakeAsyncOptions {
  /** Name of the cache. Default `'default'`; options may repeat it, and not differ. */
  readonly name?: string | undefined;
  /** Modules whose providers `inject` names. */
  readonly imports?: ModuleMetadata['imports'];
  /** Tokens of what `useFactory` is given. */
  readonly inject?: readonly (string | symbol | (abstract new (...args: never[]) => unknown))[] | undefined;
  /** Makes the options of the cache. */
  readonly useFactory: (...args: never[]) => CacheOptions | Promise<CacheOptions>;
}

/**
 * The token under which a cache is injected.
 *
 * @example { provide: Report, useFactory: (cache: CacheInstance) => new Report(cache), inject: [cacheToken()] }
 */
export function cacheToken(name: string = CACHE_DEFAULTS.name): string {
  return `keepsake:${name}`;
}

/**
 * Injects a cache into a parameter of a constructor, or a property.
 *
 * @example constructor(@InjectCache() private readonly cache: CacheInstance) {}
 */
export function InjectCache(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(cacheToken(name));
}

/**
 * The module; global, so that it is imported once for each cache. Calls that a request makes while the application is shutting down are
 * still cached: the cache is closed in `onApplicationShutdown`, when connections are.
 */
// biome-ignore lint/complexity/noStaticOnlyClass: NestJS knows modules by their class.
export class KeepsakeModule {
  /**
   * Takes the options of `Cache.configure`.
   *
   * @throws ConfigurationError, while the application is created, as `Cache.configure` does
   * @example imports: [KeepsakeModule.forRoot({ connection: process.env.DATABASE_URL })]
   */
  static forRoot(options: CacheOptions = {}): DynamicModule {
    return KeepsakeModule.forRootAsync({ name: options.name, useFactory: () => options });
  }

  /**
   * The same with options that other providers make.
   *
   * @throws ConfigurationError, while the application is created; `INVALID_OPTION` when the options name another cache than the module
   * @example KeepsakeModule.forRootAsync({ inject: [ConfigService], useFactory: (config) => ({ connection: config.get('DATABASE_URL') }) })
   */
  static forRootAsync({ name, imports = [], inject = [], useFactory }: KeepsakeAsyncOptions): DynamicModule {
    const token = cacheToken(name);
    const keeper = `${token}:keeper`;
    return {
      module: KeepsakeModule,
      global: true,
      imports,
      providers: [
        {
          provide: keeper,
          inject: [...inject],
          useFactory: async (...args: never[]) => new CacheKeeper(await open(name, await useFactory(...args))),
        },
        { provide: token, inject: [keeper], useFactory: ({ cache }: CacheKeeper) => cache },
      ],
      exports: [token],
    };
  }
}

async function open(name: string = CACHE_DEFAULTS.name, options: CacheOptions): Promise<CacheInstance> {
  if (options.name === undefined || options.name === name) return await createCache({ ...options, name });
  throw new ConfigurationError(
    'INVALID_OPTION',
    `Expected the options to name the cache \`${name}\`, as the module does, got \`${options.name}\`: give \`name\` beside \`useFactory\``,
  );
}

/** A provider that the application tells of its end. */
class CacheKeeper {
  readonly cache: CacheInstance;

  constructor(cache: CacheInstance) {
    this.cache = cache;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.cache.close();
  }
}
