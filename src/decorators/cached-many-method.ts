/**
 * A method that takes many ids, cached by id. For the rest of the code it is a cached method that loads one id: its key, tags and policy are
 * made for one id as for any method, so that both kinds share entries. What is different is how its calls are made.
 */
import type { CacheInstance } from '../engine/cache.js';
import { findCache } from '../engine/directory.js';
import { runUncached } from '../engine/load-context.js';
import type { WholeCall } from '../engine/part-call.js';
import { ConfigurationError, KeyError } from '../errors.js';
import { shown } from '../kernel/expectation.js';
import type { ManyPlan } from './cached-many-options.js';
import { arrange, match } from './cached-many-result.js';
import { CachedMethod } from './cached-method.js';
import { peekOptions } from './handle.js';
import type { DecoratedMethod, Method } from './method-decorator.js';
import { runMethod } from './run-method.js';

/** A call taken apart: the ids in the order given, each with the place of its key among the different ones. */
interface TakenApart {
  readonly ids: readonly unknown[];
  readonly places: readonly number[];
  readonly keys: readonly string[];
  /** The first id of each key, by place. */
  readonly firsts: readonly unknown[];
}

export class CachedManyMethod extends CachedMethod {
  readonly #plan: ManyPlan;
  readonly #method: Method;

  constructor(decorator: string, decorated: DecoratedMethod, plan: ManyPlan) {
    super(decorated, { decorator, policy: plan.policy, beneath: {} });
    this.#plan = plan;
    this.#method = decorated.method;
  }

  override call(self: unknown, args: readonly unknown[]): PromiseLike<unknown> {
    try {
      return this.#callMany(self, args, this.#takeApart(self, args));
    } catch (error) {
      if (error instanceof ConfigurationError) return Promise.reject(error);
      const { useCase } = this;
      findCache(this.cacheName)?.reportKeyError({ key: undefined, useCase, keyType: undefined }, error);
      return this.runUncached(self, args);
    }
  }

  async #callMany(self: unknown, args: readonly unknown[], call: TakenApart): Promise<unknown> {
    const { keys } = call;
    if (keys.length === 0) return this.#arrange(call, []);
    const ready = this.#readyMany(self, args, call);
    if (ready !== undefined) return this.#arrange(call, await ready.cache.fetchMany(ready.whole));
    const all = keys.map((_, place) => place);
    return this.#arrange(call, await runUncached(() => this.#loadOf(self, args, call)(all)));
  }

  /**
   * The key of one id: the arguments are the method's, with one id in the place of all.
   *
   * @throws KeyError when it cannot be built
   */
  keyOfOne(self: unknown, args: readonly unknown[]): string {
    return this.keyOf(self, this.#argsOf(args, args[this.#plan.each]));
  }

  /** What is fresh of what a call would return. */
  async peekMany(self: unknown, args: readonly unknown[]): Promise<unknown> {
    const call = this.#takeApart(self, args);
    const ready = this.#readyMany(self, args, call);
    if (ready === undefined) return this.#arrange(call, []);
    const hits = await ready.cache.getMany(call.keys, peekOptions(ready.whole.policy));
    return this.#arrange(
      call,
      call.keys.map((key) => hits.get(key)),
    );
  }

  /** What a call returns when the method runs for all its ids now. */
  async refreshMany(self: unknown, args: readonly unknown[]): Promise<unknown> {
    const call = this.#takeApart(self, args);
    if (call.keys.length === 0) return this.#arrange(call, []);
    const ready = this.#readyMany(self, args, call);
    if (ready === undefined) return await this.runUncached(self, args);
    return this.#arrange(call, await ready.cache.loadManyAnew(ready.whole));
  }

  /** Deletes the entries of the ids of a call; whether one of them was there. */
  async invalidateMany(self: unknown, args: readonly unknown[]): Promise<boolean> {
    const call = this.#takeApart(self, args);
    const ready = this.#readyMany(self, args, call);
    return ready !== undefined && (await ready.cache.deleteMany(call.keys)) > 0;
  }

  #arrange({ ids, places }: TakenApart, values: readonly unknown[]): unknown {
    return arrange(this.#plan, ids, places, values);
  }

  /** A call that was not made yet; undefined where there are no ids, or no cache to make it through. */
  #readyMany(
    self: unknown,
    args: readonly unknown[],
    call: TakenApart,
  ): { readonly cache: CacheInstance; readonly whole: WholeCall } | undefined {
    const { keys, firsts } = call;
    const first = keys.length === 0 ? undefined : this.ready(self, this.#argsOf(args, firsts[0]));
    if (first === undefined) return undefined;
    const whole: WholeCall = {
      policy: first.call.policy,
      useCase: this.useCase,
      signal: undefined,
      keys,
      tagsOf: (place) => this.ready(self, this.#argsOf(args, firsts[place]))?.call.tags() ?? [],
      load: this.#loadOf(self, args, call),
    };
    return { cache: first.cache, whole };
  }

  /** Runs the method for the ids at some places; their values in this order. */
  #loadOf(
    self: unknown,
    args: readonly unknown[],
    { keys, firsts }: TakenApart,
  ): (wanted: readonly number[]) => Promise<readonly unknown[]> {
    return async (wanted) => {
      const missing = wanted.map((place) => firsts[place]);
      const loaded = await this.#load(self, args, missing);
      const asked = new Map(wanted.map((place, i) => [keys[place] ?? '', i]));
      const values = match(this.#plan, this.useCase, asked, loaded, (id) => this.keyOf(self, this.#argsOf(args, id)));
      return this.#plan.absent === 'null' ? values.map((value) => value ?? null) : values;
    };
  }

  /** @throws KeyError when the ids are none, or a key cannot be made of one */
  #takeApart(self: unknown, args: readonly unknown[]): TakenApart {
    const given = args[this.#plan.each];
    if (!Array.isArray(given) && !(given instanceof Set))
      throw new KeyError(
        'INVALID_KEY',
        `Expected ${this.useCase} to be given its ids in an array or a Set, got ${shown(given)}`,
      );
    const ids: readonly unknown[] = [...given];
    const known = new Map<string, number>();
    const firsts: unknown[] = [];
    const places = ids.map((id) => {
      const key = this.keyOf(self, this.#argsOf(args, id));
      const place = known.get(key) ?? known.size;
      if (place === known.size) firsts.push(id);
      known.set(key, place);
      return place;
    });
    return { ids, places, keys: [...known.keys()], firsts };
  }

  /** The method itself, with only these ids, in what the caller gave them in. */
  async #load(self: unknown, args: readonly unknown[], ids: readonly unknown[]): Promise<unknown> {
    const { each } = this.#plan;
    const own = [...args];
    own[each] = args[each] instanceof Set ? new Set(ids) : [...ids];
    return await runMethod(this.#method, self, own, this.useCase);
  }

  /** The arguments of the method that loads one id. */
  #argsOf(args: readonly unknown[], id: unknown): readonly unknown[] {
    const { each, parameters, names } = this.#plan;
    const own = Array.from({ length: parameters }, (_, position) => (position === each ? id : args[position]));
    for (let name = 0; name < names; name += 1) own.push(id);
    return own;
  }
}
