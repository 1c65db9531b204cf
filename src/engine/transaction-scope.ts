/**
 * The transaction scope: what code inside of `Cache.transaction` is in. Invalidations join the transaction; everything that reads or
 * stores keeps away from the cache, because what it sees is not committed. This process follows when the commit has succeeded.
 */
import type { TransactionReceipt } from '../ports/transactions.js';
import type { Engine } from './call.js';
import { type Invalidation, invalidateSurely } from './invalidation.js';
import { currentSurroundings, runIn } from './surroundings.js';

/** Scopes open in this process. As long as there are none nobody has to ask which one is his. */
let open = 0;

/** The open scope of the code now running. What a scope started may outlive it, and is in none then. */
export function currentScope(): TransactionScope | undefined {
  if (open === 0) return undefined;
  const { transaction } = currentSurroundings();
  return transaction instanceof TransactionScope && transaction.state === 'open' ? transaction : undefined;
}

export class TransactionScope {
  readonly #engine: Engine;
  /** What has joined, and what another cache is to be told after the commit. */
  readonly #joined: Invalidation[] = [];
  readonly #later: { readonly engine: Engine; readonly invalidation: Invalidation }[] = [];
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #failures: unknown[] = [];
  #trx: unknown;
  #receipt: TransactionReceipt | undefined;
  #state: 'new' | 'open' | 'failed' | 'done' = 'new';

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** `done`: its work has succeeded, and what is left is the commit. */
  get state(): 'new' | 'open' | 'failed' | 'done' {
    return this.#state;
  }

  /** Whether `trx` is this scope's transaction. */
  is(trx: unknown): boolean {
    return trx === this.#trx;
  }

  /**
   * Runs `work` in this scope, then waits for the invalidations it has begun.
   *
   * @param trx the transaction, as the application has it
   * @throws what `work` throws; what a decorated invalidation failed with, because without it nothing may be committed
   */
  async run<T>(trx: unknown, work: () => Promise<T>): Promise<T> {
    this.#trx = trx;
    this.#state = 'open';
    open += 1;
    try {
      const result = await runIn({ transaction: this }, work);
      while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
      if (this.#failures.length > 0) throw this.#failures[0];
      this.#state = 'done';
      return result;
    } catch (error) {
      this.#state = 'failed';
      throw error;
    } finally {
      open -= 1;
    }
  }

  /** Lets an invalidation join. Where it cannot (another cache, a store without transactions) it is made after the commit. */
  join(engine: Engine, invalidation: Invalidation): Promise<void> {
    return this.#track(this.#join(engine, invalidation));
  }

  /** The same for a method that has done its work and never hears of a failure: the transaction is not committed then. */
  async joinSurely(engine: Engine, invalidation: Invalidation): Promise<void> {
    const joining = this.#join(engine, invalidation);
    await this.#track(joining.catch((error: unknown) => void this.#failures.push(error)));
  }

  async #join(engine: Engine, invalidation: Invalidation): Promise<void> {
    const { names, kind, key } = invalidation;
    const { transactions } = engine.store;
    if (names.length === 0) return;
    if (engine !== this.#engine || transactions === undefined) {
      this.#later.push({ engine, invalidation });
      return;
    }
    try {
      this.#receipt = await transactions.invalidate(this.#trx, names, kind);
      this.#joined.push(invalidation);
    } catch (error) {
      engine.reporter.error({ key }, 'invalidate', error);
      throw error;
    }
  }

  #track(work: Promise<void>): Promise<void> {
    const forget = (): void => {
      this.#underWay.delete(work);
    };
    this.#underWay.add(work);
    work.then(forget, forget);
    return work;
  }

  /** The transaction has committed: this process follows at once, others are told. */
  async committed(): Promise<void> {
    const { ledger, background, store } = this.#engine;
    const [receipt, names] = [this.#receipt, this.#names()];
    ledger.learn(names, receipt?.xid);
    for (const invalidation of this.#joined) {
      invalidation.drop();
      invalidation.report();
    }
    if (receipt !== undefined)
      background.run(`tell ${receipt.place} ${receipt.xid}`, async () => store.transactions?.tell(names, receipt));
    await this.#tellOthers();
  }

  /** Nobody knows whether the transaction has committed: until that can be asked, nothing of it is believed; who cannot ask assumes it. */
  async inDoubt(): Promise<void> {
    const { unsettled } = this.#engine;
    for (const { drop } of this.#joined) drop();
    if (this.#receipt !== undefined) unsettled.watch(unsettled.begin(this.#names()), this.#receipt);
    await this.#tellOthers();
  }

  async #tellOthers(): Promise<void> {
    await Promise.all(this.#later.map(({ engine, invalidation }) => invalidateSurely(engine, invalidation)));
  }

  #names(): readonly string[] {
    return [...new Set(this.#joined.flatMap(({ names }) => names))];
  }
}
