/** One call of a cached method, as the engine wants it: built on every call, so it holds only what a hit needs. */
import type { Call } from '../engine/call.js';
import type { Consistency, ResolvedPolicy, Tiers } from '../kernel/policy.js';
import type { Ramp } from '../kernel/ramp.js';
import type { TagBuilder } from '../keys/key-builder.js';
import type { Method } from './method-decorator.js';
import { runMethod } from './run-method.js';

/** What all calls of a method have in common. */
export interface MethodOfCall {
  readonly useCase: string;
  readonly policy: ResolvedPolicy;
  readonly tags: TagBuilder | undefined;
  readonly original: Method;
}

export class MethodCall implements Call {
  readonly key: string;
  readonly signal = undefined;
  readonly #method: MethodOfCall;
  readonly args: readonly unknown[];
  readonly #self: unknown;
  #tags: readonly string[] | undefined;

  constructor(method: MethodOfCall, key: string, self: unknown, args: readonly unknown[]) {
    this.#method = method;
    this.key = key;
    this.#self = self;
    this.args = args;
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

  get consistency(): Consistency {
    return this.#method.policy.consistency;
  }

  get ramp(): Ramp | undefined {
    return this.#method.policy.ramp;
  }

  get policy(): ResolvedPolicy {
    return this.#method.policy;
  }

  /** Built once, when a load begins: from the arguments as they were given, whatever the method does to them. */
  tags(): readonly string[] {
    this.#tags ??= this.#method.tags?.build(this.#self, this.args) ?? [];
    return this.#tags;
  }

  load(): PromiseLike<unknown> {
    return runMethod(this.#method.original, this.#self, this.args, this.#method.useCase);
  }

  under(key: string): Call {
    return new MethodCall(this.#method, key, this.#self, this.args);
  }
}
