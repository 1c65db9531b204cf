/** One call of a cached method, as the engine wants it: built on every call, so it holds only what a hit needs. */
import type { Call } from '../engine/call.js';
import type { TagBuilder } from '../keys/key-builder.js';
import type { ResolvedPolicy, Tiers } from '../kernel/policy.js';

/** What all calls of a method have in common. */
export interface MethodOfCall {
  readonly useCase: string;
  readonly policy: ResolvedPolicy;
  readonly tags: TagBuilder | undefined;
  readonly original: (this: unknown, ...args: unknown[]) => unknown;
}

export class MethodCall implements Call {
  readonly key: string;
  readonly signal = undefined;
  readonly #method: MethodOfCall;
  readonly #self: unknown;
  readonly #args: readonly unknown[];

  constructor(method: MethodOfCall, key: string, self: unknown, args: readonly unknown[]) {
    this.#method = method;
    this.key = key;
    this.#self = self;
    this.#args = args;
  }

  get useCase(): string {
    return this.#method.useCase;
  }

  get keyType(): string | undefined {
    return this.#method.policy.keyType;
  }

  get tiers(): Tiers {
    return this.#method.policy.tiers;
  }

  get policy(): ResolvedPolicy {
    return this.#method.policy;
  }

  tags(): readonly string[] {
    return this.#method.tags?.build(this.#self, this.#args) ?? [];
  }

  load(): unknown {
    return Reflect.apply(this.#method.original, this.#self, this.#args);
  }

  under(key: string): Call {
    return new MethodCall(this.#method, key, this.#self, this.#args);
  }
}
