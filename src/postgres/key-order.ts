/**
 * Key order: one process's calls on one key are carried out in the order in which they were made, although reads, sets
 * and deletes travel in different batches. Only keys with a write under way are remembered.
 */
import type { Batcher, Call } from './batcher.js';

/** The last write under way of each key. */
export class KeyOrder {
  readonly #last = new Map<string, { readonly result: Promise<unknown> }>();

  /** How many keys have one. */
  get size(): number {
    return this.#last.size;
  }

  last(id: string): { readonly result: Promise<unknown> } | undefined {
    return this.#last.get(id);
  }

  append(id: string, call: { readonly result: Promise<unknown> }): void {
    this.#last.set(id, call);
    const forget = () => {
      if (this.#last.get(id) === call) this.#last.delete(id);
    };
    call.result.then(forget, forget);
  }
}

/**
 * What becomes of a call whose key's last write is of the same kind and still unsent. `replace`: it takes that one's
 * place and both get its result. `share`: it gets that one's result. `queue`: it waits its turn.
 */
export type Merging = 'replace' | 'share' | 'queue';

/** A call under way. */
class UnderWay<Input, Output> {
  readonly call: Call<Input, Output>;
  input: Input;

  constructor(call: Call<Input, Output>, input: Input) {
    this.call = call;
    this.input = input;
  }
}

/** The writes of one kind, in the order of their keys. */
export class Lane<Input, Output> {
  readonly #order: KeyOrder;
  readonly #batcher: Batcher<Input, Output>;
  readonly #merging: Merging;
  readonly #underWay = new Map<string, UnderWay<Input, Output>>();

  constructor(order: KeyOrder, batcher: Batcher<Input, Output>, merging: Merging) {
    this.#order = order;
    this.#batcher = batcher;
    this.#merging = merging;
  }

  call(id: string, input: Input): Promise<Output> {
    const next = this.#unsent(id);
    if (next !== undefined && this.#merging !== 'queue') {
      if (this.#merging === 'replace') {
        next.call.replace(input);
        next.input = input;
      }
      return next.call.result;
    }
    const call = this.#batcher.call(input, this.#order.last(id)?.result);
    const entry = new UnderWay(call, input);
    this.#underWay.set(id, entry);
    this.#order.append(id, call);
    const forget = () => {
      if (this.#underWay.get(id) === entry) this.#underWay.delete(id);
    };
    call.result.then(forget, forget);
    return call.result;
  }

  /** The input of a key's last write, where that is of this kind and still unsent: more may be put into it. */
  unsent(id: string): Input | undefined {
    return this.#unsent(id)?.input;
  }

  /** Settles when every call under way whose input matches has; undefined when there is none. */
  settled(matches: (input: Input) => boolean): Promise<unknown> | undefined {
    const results: Promise<unknown>[] = [];
    for (const { call, input } of this.#underWay.values()) if (matches(input)) results.push(call.result);
    return results.length === 0 ? undefined : Promise.allSettled(results);
  }

  #unsent(id: string): UnderWay<Input, Output> | undefined {
    const mine = this.#underWay.get(id);
    return mine?.call.isUnsent && mine.call === this.#order.last(id) ? mine : undefined;
  }
}
