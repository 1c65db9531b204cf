/**
 * A cached method: what decorators have said about one method, and how its calls go through a cache. Decorators stacked on a method
 * find the same one and add a layer; what they contradict each other in is an error. A function that `cached` was given is one too.
 */
import type { CacheInstance } from '../engine/cache.js';
import { DEFAULT_CACHE, findCache, isOpening } from '../engine/directory.js';
import { runUncached } from '../engine/load-context.js';
import { ConfigurationError, KeyError } from '../errors.js';
import { entityTag } from '../kernel/entity.js';
import type { Policy, ResolvedPolicy } from '../kernel/policy.js';
import { resolvePolicy } from '../kernel/resolve-policy.js';
import {
  createEntityBuilder,
  createKeyBuilder,
  createTagBuilder,
  joinTagBuilders,
  type KeyBuilder,
  type TagBuilder,
} from '../keys/key-builder.js';
import { type Decoration, separation } from './decorations.js';
import { explainStack, type Layer, mergeLayers, type Said } from './layers.js';
import { MethodCall, type MethodOfCall } from './method-call.js';
import type { DecoratedMethod, Method } from './method-decorator.js';
import { warnOnce } from './process-warnings.js';
import { type MethodInfo, standIn } from './replacement.js';
import { claimKeys, type Enrolled, enroll, requireAgreement, withdraw } from './roll.js';
import { runMethod } from './run-method.js';
import { warnUnconfigured } from './unconfigured.js';
import { UseCaseName } from './use-case-name.js';

/** A method bound to a cache that is open now. */
interface Binding extends MethodOfCall {
  readonly cache: CacheInstance;
  readonly keys: KeyBuilder;
}

/** A call that was made ready, and the cache it goes to. */
export interface ReadyCall {
  readonly cache: CacheInstance;
  readonly call: MethodCall;
}

export class CachedMethod implements Decoration, Enrolled {
  readonly role: 'cached' | 'puts';
  readonly written: Method;
  /** The function that stands in for the method. */
  readonly replacement: Method;
  readonly #decorated: DecoratedMethod;
  readonly #name: UseCaseName;
  #layers: readonly Layer[] = [];
  #said: Said;
  #keys: KeyBuilder;
  #tags: TagBuilder | undefined;
  #bound: Binding | undefined;

  /**
   * @param below what of ours stands on the method already, and goes on standing there
   * @throws ConfigurationError for options that are wrong in themselves
   */
  constructor(decorated: DecoratedMethod, layer: Layer, role: 'cached' | 'puts' = 'cached', below?: Decoration) {
    this.role = role;
    this.#decorated = decorated;
    this.written = below === undefined ? decorated.method : below.written;
    this.#name = new UseCaseName(decorated);
    [this.#said, this.#keys, this.#tags] = this.#merge([layer]);
    this.replacement = standIn(decorated, this, this.#info(), (self, args) => this.call(self, args));
    enroll(this);
  }

  /**
   * Adds what one more decorator says.
   *
   * @throws ConfigurationError for options that are wrong in themselves, or contradict another decorator on this method
   */
  add(layer: Layer): void {
    try {
      [this.#said, this.#keys, this.#tags] = this.#merge([...this.#layers, layer]);
    } catch (error) {
      withdraw(this);
      throw error;
    }
  }

  /** One call of the method. Never throws: what goes wrong is a rejection. */
  call(self: unknown, args: readonly unknown[]): PromiseLike<unknown> {
    const cache = findCache(this.cacheName);
    if (cache === undefined) {
      if (!isOpening(this.cacheName)) warnUnconfigured(this.cacheName);
      return this.#uncached(self, args);
    }
    let bound = this.#bound;
    if (bound?.cache !== cache || !this.#name.settled) {
      try {
        bound = this.#bind(cache, self);
      } catch (error) {
        return Promise.reject(error);
      }
      // The decorator that covers this one has cached already: within its load the method itself is wanted.
      if (bound === undefined) return runMethod(this.#decorated.method, self, args, this.useCase);
    }
    const condition = this.#condition(cache, self, args);
    if (condition === 'unmet' && this.role === 'cached') return this.#uncached(self, args);
    try {
      const call = new MethodCall(bound, bound.keys.build(self, args), self, args);
      return this.role === 'cached' ? cache.fetch(call) : cache.putResult(call, condition);
    } catch (error) {
      const subject = { key: undefined, useCase: bound.useCase, keyType: bound.policy.keyType };
      if (this.role === 'cached') cache.reportKeyError(subject, error);
      else cache.reportInvalidationError(subject, error);
      return this.#uncached(self, args);
    }
  }

  /**
   * The key of a call with these arguments, as `Cache.get` takes it. Needs no open cache.
   *
   * @throws KeyError when it cannot be built
   */
  keyOf(self: unknown, args: readonly unknown[]): string {
    const cache = findCache(this.cacheName);
    if (cache !== undefined) return this.#requireBound(cache, self).keys.build(self, args);
    const lesson = this.#name.learn(self, this.replacement);
    if (lesson === 'learned') this.#keys = this.#makeKeys(this.#said);
    if (this.keys?.by === 'arguments' && !this.isNamed) return noKeys(this.useCase, NAMELESS).build(self, args);
    return this.#keys.build(self, args);
  }

  /**
   * A call with these arguments that has not been made; undefined when there is no cache to make it through.
   *
   * @throws KeyError when its key cannot be built, ConfigurationError as the call itself
   */
  ready(self: unknown, args: readonly unknown[]): ReadyCall | undefined {
    const cache = findCache(this.cacheName);
    if (cache === undefined) {
      if (!isOpening(this.cacheName)) warnUnconfigured(this.cacheName);
      return undefined;
    }
    const bound = this.#requireBound(cache, self);
    return { cache, call: new MethodCall(bound, bound.keys.build(self, args), self, args) };
  }

  /** Runs the method without any cache. */
  runUncached(self: unknown, args: readonly unknown[]): PromiseLike<unknown> {
    return this.#uncached(self, args);
  }

  /** Resolves this method's policy as `defaults` of a cache would have it; throws ConfigurationError when that cannot work. */
  resolveOver(defaults: Policy): ResolvedPolicy {
    const { policy, beneath, decorators } = this.#said;
    const { tags, entity, ...others } = policy;
    const {
      key: _key,
      params: _params,
      ignoreArgs: _ignored,
      args: _args,
      cache: _cache,
      when: _when,
      ...said
    } = others;
    // Tags of a decorator are templates, built for each call; like all tags of a later layer they replace those of the defaults.
    const own: Policy = { ...said, keyType: said.keyType ?? entity?.[0], ...(tags === undefined ? {} : { tags: [] }) };
    const resolved = resolvePolicy([beneath, defaults, own], `${decorators} on ${this.member}`);
    return { ...resolved, useCase: this.useCase };
  }

  get decorators(): string {
    return this.#said.decorators;
  }

  get cacheName(): string {
    return this.#said.policy.cache ?? DEFAULT_CACHE;
  }

  get useCase(): string {
    return this.#name.text;
  }

  get member(): string {
    return this.#name.member;
  }

  get isNamed(): boolean {
    return this.#name.usable;
  }

  get keys(): Enrolled['keys'] {
    const { key } = this.#said.policy;
    if (typeof key === 'function') return undefined;
    return { by: key === undefined ? 'arguments' : 'template', identity: this.#keys.identity };
  }

  get tagTemplates(): readonly string[] {
    const { tags = [], entity } = this.#said.policy;
    return entity === undefined ? tags : [...tags, `entity ${entity.join(' ')}`];
  }

  get codecName(): string | undefined {
    return this.#said.policy.codec?.name;
  }

  get source(): string {
    return Function.prototype.toString.call(this.written);
  }

  /** Whether this call is one to cache; reported when not. */
  #condition(cache: CacheInstance, self: unknown, args: readonly unknown[]): 'met' | 'unmet' {
    const { when, keyType } = this.#said.policy;
    if (when === undefined) return 'met';
    const subject = { key: undefined, useCase: this.useCase, keyType };
    try {
      if (Reflect.apply(when, self, args) === true) return 'met';
      if (this.role === 'cached') cache.reportCondition(subject);
    } catch (error) {
      if (this.role === 'cached') cache.reportCondition(subject, { error });
      else cache.reportInvalidationError(subject, error);
    }
    return 'unmet';
  }

  #uncached(self: unknown, args: readonly unknown[]): PromiseLike<unknown> {
    return runUncached(() => runMethod(this.#decorated.method, self, args, this.useCase));
  }

  /** Merges layers, and keeps them when that works. */
  #merge(layers: readonly Layer[]): [Said, KeyBuilder, TagBuilder | undefined] {
    const said = mergeLayers(layers, this.member);
    if (said.policy.useCase !== undefined) this.#name.choose(said.policy.useCase);
    const { params, args, tags = [], entity } = said.policy;
    const naming = { params, args, useCase: this.useCase, fn: this.written };
    return explainStack(layers, said.decorators, this.member, () => {
      const keys = this.#makeKeys(said);
      const builder = joinTagBuilders([
        ...(tags.length === 0 ? [] : [createTagBuilder(tags, naming)]),
        ...(entity === undefined ? [] : [createEntityBuilder(entity, naming, entityTag)]),
      ]);
      this.#layers = layers;
      this.#bound = undefined;
      return [said, keys, builder];
    });
  }

  #makeKeys({ policy }: Said): KeyBuilder {
    const { key, ignoreArgs, params, args } = policy;
    return createKeyBuilder({ key, ignoreArgs, params, args, useCase: this.useCase, fn: this.written });
  }

  #requireBound(cache: CacheInstance, self: unknown): Binding {
    const bound = this.#bound?.cache === cache && this.#name.settled ? this.#bound : this.#bind(cache, self);
    if (bound !== undefined) return bound;
    const message = `\`${this.member}\` caches nothing: another decorator stands between it and one that caches above it`;
    throw new ConfigurationError('INVALID_DECORATION', message);
  }

  /** Binds the method to an open cache; undefined when another of our decorators covers it. */
  #bind(cache: CacheInstance, self: unknown): Binding | undefined {
    const lesson = this.#name.learn(self, this.replacement);
    if (typeof lesson === 'object' && lesson.coveredBy.role === 'cached') {
      warnOnce('KEEPSAKE_SEPARATED', this.useCase, separation(this.decorators, lesson.coveredBy));
      return undefined;
    }
    if (lesson === 'nothing' && this.#bound?.cache === cache) return this.#bound;
    // Keys without a template begin with the use case, which may have been learned just now.
    this.#keys = this.#makeKeys(this.#said);
    requireAgreement(this);
    this.#bound = {
      cache,
      useCase: this.useCase,
      policy: this.resolveOver(cache.defaults),
      keys: this.#keysIn(cache),
      tags: this.#tags,
      original: this.#decorated.method,
    };
    return this.#bound;
  }

  /** The keys to use in a cache: those without a template need a name that is this method's alone. */
  #keysIn(cache: CacheInstance): KeyBuilder {
    if (this.keys?.by !== 'arguments') return this.#keys;
    const { useCase } = this;
    if (!this.isNamed) return noKeys(useCase, NAMELESS);
    const { doubt } = this.#name;
    if (doubt !== undefined) {
      const message = `The keys of \`${useCase}\` begin with this name, but ${doubt}: give it a \`key\` or a \`useCase\``;
      warnOnce('KEEPSAKE_DOUBTFUL_NAME', useCase, message);
    }
    if (claimKeys(cache, this) === 'claimed') return this.#keys;
    const taken = noKeys(useCase, 'another method of this name uses the cache');
    warnOnce('KEEPSAKE_SAME_NAME', useCase, `${taken.reason}; until then it runs uncached`);
    return taken;
  }

  /** What the method publishes about itself; follows when the use case becomes known. */
  #info(): MethodInfo {
    const method = this;
    const { name, placement } = this.#decorated;
    return {
      role: this.role,
      name,
      placement,
      get useCase() {
        return method.useCase;
      },
      get cache() {
        return method.cacheName;
      },
      get key() {
        return method.#keys.source;
      },
      get tags() {
        return method.#said.policy.tags ?? [];
      },
    };
  }
}

const NAMELESS = 'it was called without its object, which would tell its class';

/** Keys of a method that can have none, so that it runs uncached; each call reports why. */
function noKeys(useCase: string, why: string): KeyBuilder & { readonly reason: string } {
  const reason = `\`${useCase}\` has no \`key\`, and ${why}: give it a \`key\` or a \`useCase\``;
  return {
    reason,
    source: `${useCase}(…)`,
    identity: `no keys of ${useCase}`,
    build: () => {
      throw new KeyError('INVALID_KEY', reason);
    },
  };
}
