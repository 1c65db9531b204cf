/** How is a NestJS application cached? With a module that opens and closes the cache, and the decorators everywhere. */
import 'reflect-metadata';
import { Inject, Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cached, type CacheInstance, InvalidateTags } from 'keepsake';
import { InjectCache, KeepsakeModule } from 'keepsake/nestjs';

@Injectable()
class Prices {
  queries = 0;

  @Cached('price:{product}', { ttl: '10m', tags: ['prices'] })
  async of(product: string): Promise<number> {
    this.queries += 1;
    return product.length * 100;
  }

  @InvalidateTags('prices')
  async raise(): Promise<void> {
    console.log('prices raised');
  }
}

@Injectable()
class Shop implements OnModuleInit {
  constructor(
    @Inject(Prices) private readonly prices: Prices,
    @InjectCache() private readonly cache: CacheInstance,
  ) {}

  /** The cache is open before the first provider is initialized. */
  async onModuleInit(): Promise<void> {
    await this.cache.set('opened', true, { ttl: '1h' });
  }

  async visit(): Promise<void> {
    console.log(`opened: ${await this.cache.get('opened')}`);
    console.log(`a kettle costs ${await this.prices.of('kettle')}, a kettle costs ${await this.prices.of('kettle')}`);
    await this.prices.raise();
    console.log(`a kettle costs ${await this.prices.of('kettle')}`);
    console.log(`${this.prices.queries} queries for 3 calls`);
  }
}

/** Options may come from a provider, as of a configuration module. */
@Module({
  providers: [{ provide: 'DATABASE', useValue: process.env['DATABASE_URL'] ?? 'memory' }],
  exports: ['DATABASE'],
})
class Settings {}

@Module({
  imports: [
    KeepsakeModule.forRootAsync({
      imports: [Settings],
      inject: ['DATABASE'],
      useFactory: (connection: string) => ({ connection, namespace: 'nestjs' }),
    }),
  ],
  providers: [Prices, Shop],
})
class Application {}

const application = await NestFactory.createApplicationContext(Application, { logger: false });
await application.get(Shop).visit();
await application.close();
