/** What the tests of decorators have in common. */
import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { CacheOptions } from '../../../src/cache-options.js';
import type { AsyncMethodDecorator } from '../../../src/decorators/method-decorator.js';
import { KEEPSAKE, type MethodInfo } from '../../../src/decorators/replacement.js';
import { type TestCache, TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

/** The name of a cache that no other test uses: decorated methods stay known to the process for as long as their classes do. */
export function cacheName(): string {
  return `cache of a test ${randomUUID()}`;
}

/** Opens a cache of that name over memory, on a clock that stands still. */
export async function open(
  name: string,
  options: CacheOptions = {},
): Promise<TestCache & { readonly cluster: TestCluster }> {
  const cluster = new TestCluster();
  return { cluster, ...(await cluster.process({ name, ...options })) };
}

/** Applies a decorator as compiled code does in legacy mode. */
export function applyLegacy(
  target: object,
  name: string | symbol,
  ...decorators: readonly AsyncMethodDecorator[]
): void {
  let descriptor = Object.getOwnPropertyDescriptor(target, name);
  for (const decorator of [...decorators].reverse()) {
    descriptor = Reflect.apply(decorator, undefined, [target, name, descriptor]) ?? descriptor;
  }
  if (descriptor !== undefined) Object.defineProperty(target, name, descriptor);
}

/** What a decorated method publishes. */
export function infoOf(method: object): MethodInfo {
  return Reflect.get(method, KEEPSAKE);
}

/** The error a definition throws. */
export function refusal(define: () => unknown): unknown {
  try {
    define();
  } catch (error) {
    return error;
  }
  return 'defined';
}

/**
 * Hears the warnings of the process that mention `about`, until the test ends. They arrive a turn of the event loop late: await the
 * result to read them.
 */
export function hearWarnings(
  about: string,
): () => Promise<readonly { readonly code: unknown; readonly message: string }[]> {
  const heard: { code: unknown; message: string }[] = [];
  const listener = (warning: Error): void => {
    if (warning.message.includes(about)) heard.push({ code: Reflect.get(warning, 'code'), message: warning.message });
  };
  process.on('warning', listener);
  onTestFinished(() => {
    process.off('warning', listener);
  });
  return async () => {
    await turnOfTheLoop();
    return heard;
  };
}
