/** A locked method: it runs while its process holds a lock that its arguments name. */
import { DEFAULT_CACHE, findCache } from '../engine/directory.js';
import { type LockOptions, resolveLockOptions } from '../engine/lock-keeper.js';
import { ConfigurationError } from '../errors.js';
import { createKeyBuilder, type KeyBuilder } from '../keys/key-builder.js';
import type { Decoration } from './decorations.js';
import type { DecoratedMethod, Method } from './method-decorator.js';
import type { MethodKey, MethodPolicy } from './options.js';
import { type MethodInfo, standIn } from './replacement.js';
import { runMethod } from './run-method.js';
import { UseCaseName } from './use-case-name.js';

/** Options of `@Locked`. */
export interface LockedOptions
  extends Pick<LockOptions, 'expire' | 'wait'>,
    Pick<MethodPolicy, 'params' | 'args' | 'cache' | 'useCase'> {
  /** What the lock is called: a template such as `'account:{id}'`, or a function of the arguments (with `this`). */
  readonly key: MethodKey;
}

export class LockedMethod implements Decoration {
  readonly role = 'locks';
  readonly decorators = '@Locked';
  /** The function that stands in for the method. */
  readonly replacement: Method;
  readonly written: Method;
  readonly #decorated: DecoratedMethod;
  readonly #options: LockedOptions;
  readonly #name: UseCaseName;
  readonly #names: KeyBuilder;

  /**
   * @param below what of ours stands on the method already
   * @throws ConfigurationError for options that can never work
   */
  constructor(decorated: DecoratedMethod, options: LockedOptions, below: Decoration | undefined) {
    this.#decorated = decorated;
    this.#options = options;
    this.#name = new UseCaseName(decorated);
    if (options.useCase !== undefined) this.#name.choose(options.useCase);
    this.written = below === undefined ? decorated.method : below.written;
    const { key, params, args } = options;
    this.#names = createKeyBuilder({ key, params, args, useCase: this.useCase, fn: this.written });
    resolveLockOptions(this.#lockOptions, `@Locked on ${this.member}`);
    this.replacement = standIn(decorated, this, this.#info(), (self, given) => this.#call(self, given));
  }

  get useCase(): string {
    return this.#name.text;
  }

  get member(): string {
    return this.#name.member;
  }

  get #lockOptions(): LockOptions {
    const { expire, wait } = this.#options;
    return { expire, wait };
  }

  get #cacheName(): string {
    return this.#options.cache ?? DEFAULT_CACHE;
  }

  /** Never runs the method without its lock: what goes wrong before is a rejection. */
  async #call(self: unknown, args: readonly unknown[]): Promise<unknown> {
    if (!this.#name.settled) this.#name.learn(self, this.replacement);
    const cache = findCache(this.#cacheName);
    if (cache === undefined) {
      const message = `\`${this.useCase}\` runs under a lock of the cache \`${this.#cacheName}\`, which is not configured`;
      throw new ConfigurationError('NOT_CONFIGURED', message);
    }
    const name = this.#names.build(self, args);
    return await cache.withLock(name, this.#lockOptions, () =>
      runMethod(this.#decorated.method, self, args, this.useCase),
    );
  }

  #info(): MethodInfo {
    const method = this;
    const { name, placement } = this.#decorated;
    return {
      role: 'locks',
      name,
      placement,
      get useCase() {
        return method.useCase;
      },
      cache: this.#cacheName,
      key: this.#names.source,
      tags: [],
    };
  }
}
