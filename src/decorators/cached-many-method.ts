/**
 * A method that takes many ids, cached by id. For the rest of the code it is a cached method that loads one id: its key, tags and policy are
 * made for one id as for any method, so that both kinds share entries. What is different is how its calls are made.
 */
import { findCache } from '../engine/directory.js';
import { runUncached } from '../engine/load-context.js';
import { ConfigurationError, KeyError } from '../errors.js';
import { shown } from '../kernel/expectation.js';
import type { ManyPlan } from './cached-many-options.js';
import { arrange, match } from './cached-many-result.js';
import { CachedMethod } from './cached-method.js';
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
    const { ids, places, keys, firsts } = call;
    const load = async (wanted: readonly number[]): Promise<readonly unknown[]> => {
      const missing = wanted.map((place) => firsts[place]);
      const loaded = await this.#load(self, args, missing);
      const asked = new Map(wanted.map((place, i) => [keys[place] ?? '', i]));
      const values = match(this.#plan, this.useCase, asked, loaded, (id) => this.keyOf(self, this.#argsOf(args, id)));
      return this.#plan.absent === 'null' ? values.map((value) => value ?? null) : values;
    };
    const first = keys.length === 0 ? undefined : this.ready(self, this.#argsOf(args, firsts[0]));
    const all = keys.map((_, place) => place);
    if (first === undefined)
      return arrange(this.#plan, ids, places, all.length === 0 ? [] : await runUncached(() => load(all)));
    const values = await first.cache.fetchMany({
      policy: first.call.policy,
      useCase: this.useCase,
      signal: undefined,
      keys,
      tagsOf: (place) => this.ready(self, this.#argsOf(args, firsts[place]))?.call.tags() ?? [],
      load,
    });
    return arrange(this.#plan, ids, places, values);
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
