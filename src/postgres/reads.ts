/**
 * Reads: a batch of ids to what the shared tier has of them. A batch is glanced at first; only entries of which that proves
 * nothing are read under the whole validity rule (see queries/read.ts for what either costs).
 */
import { nothingRunsIn } from '../kernel/snapshot.js';
import type {
  HearEarly,
  ListPage,
  ListRequest,
  LoadToken,
  ReadDetail,
  StoredEntry,
  StoreRead,
} from '../ports/store.js';
import { textArray } from './arrays.js';
import type { Connections } from './connections.js';
import { Gathering } from './gathered.js';
import type { ResolvedStoreOptions } from './options.js';
import { gatherStatement, slicesOf } from './queries/gather.js';
import { listStatement } from './queries/list.js';
import { glanceStatement, readStatement } from './queries/read.js';
import { parseReadAnswer, type ReadAnswer } from './read-rows.js';
import { isDataError } from './sqlstate.js';
import type { Parameter, Statement } from './statement.js';

/** Batches that are read in full at once after a glance was of no use: while invalidations pour in, it would only be in the way. */
const BLIND_BATCHES = 32;

/** Entries a glance may leave open, of all it found, before it counts as having been of no use. */
const TOLERATED = 0.2;

/** Fewer ids than these are not worth gathering. */
const LEAST_GATHERED = 8;

export class Reads {
  readonly #connections: Connections;
  readonly #scopeNames: string;
  readonly #onError: (error: unknown) => void;
  /** For while no writing transaction is open, and for while some are. */
  readonly #glances: Readonly<Record<'quiet' | 'busy', Statement>>;
  /** What the last glance saw. */
  #server: 'quiet' | 'busy' = 'busy';
  readonly #full: Statement;
  readonly #list: Statement;
  #blind = 0;
  readonly #gathers: Readonly<Record<'quiet' | 'busy', Readonly<Record<ReadDetail, Statement>>>>;
  /** As `#blind`, of gathering: while most entries are not ordinary. */
  #ungathered = 0;

  constructor(connections: Connections, options: Pick<ResolvedStoreOptions, 'scopeNames' | 'onError'>) {
    this.#connections = connections;
    this.#scopeNames = textArray(options.scopeNames);
    this.#onError = options.onError;
    const { tables } = connections;
    this.#glances = { quiet: glanceStatement(tables, 'quiet'), busy: glanceStatement(tables, 'busy') };
    this.#full = readStatement(connections.tables);
    const gathers = (when: 'quiet' | 'busy') => ({
      whole: gatherStatement(tables, when, 'whole'),
      values: gatherStatement(tables, when, 'values'),
    });
    this.#gathers = { quiet: gathers('quiet'), busy: gathers('busy') };
    this.#list = listStatement(connections.tables);
  }

  /** One answer for each id, in their order. Many callers may want the same id; it is read once. */
  async read(ids: readonly string[]): Promise<readonly StoreRead[]> {
    const once = new Set(ids);
    const isShared = once.size < ids.length;
    const distinct = isShared ? [...once] : ids;
    const reads = new Answers(isShared);
    const open = await this.#glanceAt(distinct, reads);
    if (open.length > 0) await this.#readFully(open, reads);
    return ids.map((id) => reads.of(id));
  }

  /** The same for different ids of one caller. What is ordinary and small of several is gathered in few rows. */
  async readMany(ids: readonly string[], detail: ReadDetail, hearEarly?: HearEarly): Promise<readonly StoreRead[]> {
    if (this.#blind > 0 || ids.length < LEAST_GATHERED) return await this.read(ids);
    const wanted = this.#ungathered > 0 ? undefined : slicesOf(ids);
    if (wanted === undefined) {
      this.#ungathered = Math.max(0, this.#ungathered - 1);
      return await this.read(ids);
    }
    const gathering = new Gathering(ids, hearEarly);
    const reads = await this.#gather(wanted, detail, gathering);
    if (reads === undefined) {
      this.#ungathered = BLIND_BATCHES;
      return await this.read(ids);
    }
    return await this.#withOthers(ids, gathering, reads);
  }

  /** Undefined where a value is damaged: who reads it by itself finds out which. */
  async #gather(wanted: string, detail: ReadDetail, gathering: Gathering): Promise<StoreRead[] | undefined> {
    try {
      const { token } = await this.#trusted(async () => {
        await this.#connections.executor.run(this.#gathers[this.#server][detail], [wanted], gathering);
        return gathering;
      });
      this.#server = nothingRunsIn(token.snapshot) ? 'quiet' : 'busy';
      return gathering.takeReads();
    } catch (error) {
      if (!isDataError(error)) throw error;
      return undefined;
    }
  }

  /** What was gathered, and what is read of the others, in the order of `ids`. */
  async #withOthers(
    ids: readonly string[],
    { token, places, gathered, others }: Gathering,
    reads: StoreRead[],
  ): Promise<readonly StoreRead[]> {
    if (others.length > (gathered + others.length) * TOLERATED) this.#ungathered = BLIND_BATCHES;
    if (others.length > 0) {
      const answers = new Answers(false);
      await this.#readFully(others, answers);
      for (const id of others) reads[places.get(id) ?? 0] = answers.of(id);
    }
    if (places.size === ids.length) return reads;
    // One that was asked for twice all the same was read for the last.
    return ids.map((id) => reads[places.get(id) ?? 0] ?? { token, entry: undefined });
  }

  /** A page of a listing; each is a statement of its own. */
  async list(request: ListRequest): Promise<ListPage> {
    try {
      return await this.#listPage(request);
    } catch (error) {
      if (!isDataError(error) || request.bodies === 'left out') throw error;
      if (request.limit > 1) return this.list({ ...request, limit: Math.ceil(request.limit / 2) });
      // A damaged row is left out, like one that is read by its id.
      this.#onError(error);
      return { ...(await this.#listPage({ ...request, bodies: 'left out' })), entries: [] };
    }
  }

  async #listPage({ from, after, below, like, limit, maxBytes, bodies }: ListRequest): Promise<ListPage> {
    const bounds = [from, after, below, like, limit, maxBytes, String(bodies === 'included')];
    return await this.#trusted(() => this.#parsed(this.#list, [...bounds, this.#scopeNames]));
  }

  /** Puts what is certain at a glance into `reads`; the ids of which it is not. */
  async #glanceAt(ids: readonly string[], reads: Answers): Promise<readonly string[]> {
    if (this.#blind > 0) {
      this.#blind -= 1;
      return ids;
    }
    const { token, newest, entries } = await this.#run(this.#glances[this.#server], ids);
    this.#server = nothingRunsIn(token.snapshot) ? 'quiet' : 'busy';
    reads.missingUnlessFound(token);
    const open: string[] = [];
    for (const { id, entry, mayHaveMissed } of entries) {
      if (newest < mayHaveMissed) reads.found(id, token, entry);
      else open.push(id);
    }
    if (open.length > entries.length * TOLERATED) this.#blind = BLIND_BATCHES;
    return open;
  }

  async #readFully(ids: readonly string[], reads: Answers): Promise<void> {
    const { token, entries } = await this.#run(this.#full, ids, this.#scopeNames);
    reads.missing(ids, token);
    for (const { id, entry } of entries) reads.found(id, token, entry);
  }

  /** Runs a statement; a damaged row, such as text that is not UTF-8, is a miss; in company the batcher finds out whose it is. */
  async #run(statement: Statement, ids: readonly string[], ...more: readonly Parameter[]): Promise<ReadAnswer> {
    try {
      return await this.#trusted(() => this.#parsed(statement, [textArray(ids), ...more]));
    } catch (error) {
      if (ids.length !== 1 || !isDataError(error)) throw error;
      this.#onError(error);
      return this.#trusted(() => this.#parsed(statement, [textArray([]), ...more]));
    }
  }

  async #parsed(statement: Statement, values: readonly Parameter[]): Promise<ReadAnswer> {
    return parseReadAnswer(await this.#connections.executor.run(statement, values));
  }

  async #trusted<Answer extends { readonly token: LoadToken }>(run: () => Promise<Answer>): Promise<Answer> {
    const answer = await run();
    if (this.#connections.knows(answer.token.incarnation)) return answer;
    // The server has crashed behind a pooler's back, or a dump was restored under living connections: the next statement finds out.
    this.#connections.executor.distrust();
    return run();
  }
}

/** The answers to a batch, by id. */
class Answers {
  readonly #isShared: boolean;
  readonly #reads = new Map<string, StoreRead>();
  #miss: StoreRead | undefined;

  /** @param isShared whether an id was asked for more than once */
  constructor(isShared: boolean) {
    this.#isShared = isShared;
  }

  /** Says of all ids that there is nothing, until something else is said. */
  missingUnlessFound(token: LoadToken): void {
    this.#miss = { token, entry: undefined };
  }

  /** Says of these `ids` that there is nothing, until something is found. */
  missing(ids: readonly string[], token: LoadToken): void {
    const miss: StoreRead = { token, entry: undefined };
    for (const id of ids) this.#reads.set(id, miss);
  }

  found(id: string, token: LoadToken, entry: StoredEntry): void {
    this.#reads.set(id, { token, entry, shared: this.#isShared ? { memo: undefined } : undefined });
  }

  of(id: string): StoreRead {
    const read = this.#reads.get(id) ?? this.#miss;
    if (read === undefined) throw new TypeError(`No answer for the id ${id}`);
    return read;
  }
}
