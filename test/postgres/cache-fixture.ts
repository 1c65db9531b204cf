/** What the tests of the whole share: caches over the real database, recorded and closed after the test. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { expect, onTestFinished, vi } from 'vitest';
import type { CacheOptions } from '../../src/cache-options.js';
import { createCache } from '../../src/configure.js';
import type { CacheInstance } from '../../src/engine/cache.js';
import { type Template, testNames } from '../support/database.js';
import { Recorder } from '../support/recorder.js';
import { PATIENT } from './fixture.js';

/** A database with our tables in it, so that opening a cache is quick and makes nothing. */
export const MIGRATED: Template = {
  name: 'cache_migrated',
  prepare: async (url) => {
    const cache = await createCache({ name: randomUUID(), connection: url, startup: 'fail', ...testNames() });
    await cache.close();
  },
};

export interface OpenCache {
  readonly cache: CacheInstance;
  readonly recorder: Recorder;
  readonly warnings: readonly string[];
}

/** A cache of one hour without jitter, patient with a busy machine, under a name of its own. */
export async function openCache(options: CacheOptions): Promise<OpenCache> {
  const recorder = new Recorder();
  const warnings: string[] = [];
  const cache = await createCache({
    name: randomUUID(),
    ...testNames(),
    startup: 'fail',
    timeouts: PATIENT,
    defaults: { ttl: '1h', jitter: 0 },
    observer: recorder,
    logger: { warn: (message) => warnings.push(message) },
    ...options,
  });
  onTestFinished(() => cache.close());
  if (cache.stats().store.health === 'well') await eventually(() => expectListening(cache));
  return { cache, recorder, warnings };
}

/** When a process begins to listen it gives up the copies it holds: from then on they stay for as long as they may. */
function expectListening(cache: CacheInstance): void {
  expect(cache.stats().stream?.state ?? 'listening').toBe('listening');
}

/** A connection of its own whose open transaction, if any, ends with the test. */
export async function connectApart(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  // Ended, not closed politely: a server that stands still would keep the test waiting.
  onTestFinished(() => void client.end().catch(() => undefined));
  return client;
}

/** Where answers came from so far: `shared`, `local`, or `load` for a call that its loader answered. */
export function sources({ recorder }: OpenCache): readonly string[] {
  return recorder.events.flatMap((event) =>
    event.type === 'hit' ? [event.tier] : event.type === 'miss' ? ['load'] : [],
  );
}

/** Rejections and exceptions that nobody handles, from now to the end of the test, when there must be none. */
export function expectNothingUnhandled(): void {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  process.on('uncaughtException', note);
  onTestFinished(() => {
    process.off('unhandledRejection', note);
    process.off('uncaughtException', note);
    expect(unhandled).toEqual([]);
  });
}

/** Waits until `check` passes, as long as a busy machine may need; a bound on hanging and nothing else. */
export async function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return await vi.waitFor(check, { timeout: 30_000, interval: 50 });
}

/** A loader that says when it has begun, and answers when the test lets it. */
export class HeldLoader<T> {
  calls = 0;
  /** Resolves when it was called for the first time. */
  readonly began: Promise<void>;
  #begin: () => void = () => undefined;
  #answer: (value: T) => void = () => undefined;
  readonly #answered: Promise<T>;

  constructor() {
    this.began = new Promise((resolve) => {
      this.#begin = resolve;
    });
    this.#answered = new Promise((resolve) => {
      this.#answer = resolve;
    });
  }

  /** The loader. */
  readonly load = (): Promise<T> => {
    this.calls += 1;
    this.#begin();
    return this.#answered;
  };

  /** Lets it answer, every call of it. */
  answer(value: T): void {
    this.#answer(value);
  }
}
