/**
 * A cached method: what decorators have said about one method, and how its calls go through a cache. Decorators stacked on a method
 * find the same one and add a layer; what they contradict each other in is an error.
 */
import type { CacheInstance } from '../engine/cache.js';
import { DEFAULT_CACHE, findCache, isOpening } from '../engine/directory.js';
import { runUncached } from '../engine/load-context.js';
import { ConfigurationError } from '../errors.js';
import { createKeyBuilder, createTagBuilder, type KeyBuilder, type TagBuilder } from '../keys/key-builder.js';
import { shown } from '../kernel/expectation.js';
import type { Policy, ResolvedPolicy } from '../kernel/policy.js';
import { overlayPolicies, resolvePolicy, validatePolicy } from '../kernel/resolve-policy.js';
import { MethodCall, type MethodOfCall } from './method-call.js';
import type { DecoratedMethod } from './method-decorator.js';
import { METHOD_OPTIONS, type MethodPolicy } from './options.js';
import type { MethodInfo } from './replacement.js';
import { enroll, requireAgreement } from './roll.js';
import { methodName, UseCaseName } from './use-case-name.js';
import { warnUnconfigured } from './unconfigured.js';

/** One decorator's word about a method. `beneath`: defaults of its kind, under what any decorator says. */
export interface Layer {
  readonly decorator: string;
  readonly policy: MethodPolicy;
  readonly beneath: Policy;
}

/** A method bound to a cache that is open now. */
interface Binding extends MethodOfCall {
  readonly cache: CacheInstance;
  readonly keys: KeyBuilder;
}

export class CachedMethod {
  readonly original: DecoratedMethod['method'];
  readonly #decorated: DecoratedMethod;
  readonly #layers: Layer[] = [];
  readonly #name: UseCaseName;
  #said: MethodPolicy = {};
  #keys: KeyBuilder | undefined;
  #tags: TagBuilder | undefined;
  #bound: Binding | undefined;

  constructor(decorated: DecoratedMethod) {
    this.original = decorated.method;
    this.#decorated = decorated;
    this.#name = new UseCaseName(decorated);
    enroll(this);
  }

  /**
   * Adds what one more decorator says.
   *
   * @throws ConfigurationError for options that are wrong in themselves, or contradict another decorator on this method
   */
  add(layer: Layer): void {
    const subject = `${layer.decorator} on ${methodName(this.#decorated)}`;
    validatePolicy(layer.policy, subject, METHOD_OPTIONS);
    for (const earlier of this.#layers) refuseContradictions(earlier, layer, subject);
    this.#layers.push(layer);
    this.#said = Object.assign({}, ...this.#layers.map(({ policy }) => defined(policy))) as MethodPolicy;
    validatePolicy(this.#said, subject, METHOD_OPTIONS);
    if (this.#said.useCase !== undefined) this.#name.choose(this.#said.useCase);
    this.#keys = this.#makeKeys();
    this.#tags = this.#makeTags();
    this.#bound = undefined;
  }

  /** One call of the method. */
  call(self: unknown, args: readonly unknown[]): unknown {
    const cache = findCache(this.cacheName);
    if (cache === undefined) {
      if (!isOpening(this.cacheName)) warnUnconfigured(this.cacheName);
      return runUncached(() => this.original.apply(self, [...args]));
    }
    const bound = this.#bound?.cache === cache ? this.#bound : this.#bind(cache, self);
    let key: string;
    try {
      key = bound.keys.build(self, args);
    } catch (error) {
      cache.reportKeyError({ key: undefined, useCase: bound.useCase, keyType: bound.policy.keyType }, error);
      return runUncached(() => this.original.apply(self, [...args]));
    }
    return cache.fetch(new MethodCall(bound, key, self, args));
  }

  /** Resolves this method's policy as `defaults` of a cache would have it; throws ConfigurationError when that cannot work. */
  resolveOver(defaults: Policy): ResolvedPolicy {
    const { key: _key, params: _params, ignoreArgs: _ignored, args: _args, cache: _cache, tags: _tags, ...said } = this.#said;
    const beneath = overlayPolicies(this.#layers.map((layer) => layer.beneath));
    const resolved = resolvePolicy([beneath, defaults, said], this.useCase);
    return { ...resolved, useCase: this.useCase };
  }

  get cacheName(): string {
    return this.#said.cache ?? DEFAULT_CACHE;
  }

  get useCase(): string {
    return this.#name.text;
  }

  /** What its keys are made by, equal for methods with the same template; undefined when they are not made by a template. */
  get template(): string | undefined {
    return typeof this.#said.key === 'string' ? this.#said.key : undefined;
  }

  get tagTemplates(): readonly string[] {
    return this.#said.tags ?? [];
  }

  get codecName(): string | undefined {
    return this.#said.codec?.name;
  }

  /** What the method publishes about itself; follows when the use case becomes known. */
  info(): MethodInfo {
    const method = this;
    return {
      role: 'cached',
      get useCase() {
        return method.useCase;
      },
      get cache() {
        return method.cacheName;
      },
      get key() {
        return method.#keys?.source;
      },
      get tags() {
        return method.tagTemplates;
      },
    };
  }

  #bind(cache: CacheInstance, self: unknown): Binding {
    this.#name.learn(self);
    requireAgreement(this);
    // Made again, because keys without a template begin with the use case, which may have been learned just now.
    this.#keys = this.#makeKeys();
    this.#bound = {
      cache,
      useCase: this.useCase,
      policy: this.resolveOver(cache.defaults),
      keys: this.#keys,
      tags: this.#tags,
      original: this.original,
    };
    return this.#bound;
  }

  #makeKeys(): KeyBuilder {
    const { key, ignoreArgs, params, args } = this.#said;
    return createKeyBuilder({ key, ignoreArgs, params, args, useCase: this.useCase, fn: this.original });
  }

  #makeTags(): TagBuilder | undefined {
    const { tags, params, args } = this.#said;
    return tags === undefined || tags.length === 0
      ? undefined
      : createTagBuilder(tags, { params, args, useCase: this.useCase, fn: this.original });
  }
}

/** Options that two decorators on one method both give must be the same. */
function refuseContradictions(one: Layer, other: Layer, subject: string): void {
  for (const [option, value] of Object.entries(defined(other.policy))) {
    const earlier = (one.policy as Record<string, unknown>)[option];
    if (earlier === undefined || same(earlier, value)) continue;
    throw new ConfigurationError(
      'INVALID_DECORATION',
      `${subject} and ${one.decorator} contradict each other in \`${option}\`: ${shown(value)} and ${shown(earlier)}`,
    );
  }
}

function same(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) return one.length === other.length && one.every((item, at) => item === other[at]);
  return one === other;
}

/** Undefined always means "not said". */
function defined(policy: MethodPolicy): MethodPolicy {
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
}
