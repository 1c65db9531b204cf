/**
 * A store in a file, for a program of one process that is started again and again: what it has cached is there the next time.
 *
 * Writes are numbered, and each commits at once. What a load could see is the number of the next write when it began; an invalidation with that
 * number or a later one stands against it. Everything happens in memory, in one turn of the event loop, and is then appended to the file.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readFile, writeFile } from 'node:fs/promises';
import {
  type EntryWrite,
  type FillResult,
  type InvalidationKind,
  type InvalidationReceipt,
  keyName,
  type ListPage,
  type ListRequest,
  type LoadToken,
  type Postponed,
  type RefusalReason,
  type Store,
  type StoredEntry,
  StoreError,
  type StoreOptions,
  type StoreRead,
  type WriteReceipt,
} from 'keepsake';
import { matcher } from './like.js';
import { entryOf, expired, namesOf, type Row, rowOf, touched } from './row.js';

interface Invalidation {
  readonly number: number;
  readonly kind: InvalidationKind;
  readonly at: number;
}

export interface FileStoreOptions extends StoreOptions {
  readonly path: string;
  /** Milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number;
}

export class FileStore implements Store {
  readonly kind = 'file';
  /** Loads end with their process, so one of an earlier process is none of this one's. */
  readonly #incarnation = randomUUID();
  readonly #options: FileStoreOptions;
  readonly #now: () => number;
  readonly #rows = new Map<string, Row>();
  /** By name. It grows with the names that are invalidated, until the next start: no load lives longer. */
  readonly #log = new Map<string, readonly Invalidation[]>();
  #next = 1;
  #file: FileHandle | 'not opened yet' | 'closed' = 'not opened yet';
  #written: Promise<unknown> = Promise.resolve();

  constructor(options: FileStoreOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Reads the file, and writes it anew with what is worth keeping. */
  async open(): Promise<void> {
    const { path } = this.#options;
    if (this.#file === 'closed') throw new StoreError('The store is closed', { outcome: 'failed' });
    try {
      for (const line of (await readFile(path, 'utf8').catch(() => '')).split('\n'))
        if (line !== '') this.#replay(line);
      const living = [...this.#rows.keys()].flatMap((id) => this.#find(id) ?? []);
      this.#rows.clear();
      this.#log.clear();
      for (const row of living) this.#rows.set(row.id, row);
      await writeFile(path, living.map((row) => `${JSON.stringify({ row })}\n`).join(''));
      this.#file = await open(path, 'a');
    } catch (error) {
      throw new StoreError('The file of the store cannot be opened', { outcome: 'failed', cause: error });
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = 'closed';
    await this.#written.catch(() => undefined);
    if (typeof file !== 'string') await file.close();
  }

  async read(id: string): Promise<StoreRead> {
    this.#check();
    return { token: this.#token(), entry: this.#entry(id) };
  }

  async fill(write: EntryWrite, token: LoadToken): Promise<FillResult> {
    this.#check();
    const reason = this.#refusal(write, token);
    if (reason !== undefined) return { status: 'refused', reason };
    return { status: 'stored', receipt: await this.#write(write, seenBy(token)) };
  }

  async set(write: EntryWrite): Promise<WriteReceipt> {
    this.#check();
    return await this.#write(write, this.#next);
  }

  async setIfAbsent(write: EntryWrite): Promise<WriteReceipt | undefined> {
    this.#check();
    return isFresh(this.#entry(write.id)) ? undefined : await this.#write(write, this.#next);
  }

  async delete(id: string): Promise<InvalidationReceipt & { readonly existed: boolean }> {
    this.#check();
    const existed = this.#entry(id) !== undefined;
    return { existed, ...(await this.invalidate([keyName(id)], 'delete')) };
  }

  async invalidate(names: readonly string[], kind: InvalidationKind): Promise<InvalidationReceipt> {
    this.#check();
    const invalidation = { number: this.#next++, kind, at: this.#now() };
    this.#invalidate(names, invalidation);
    await this.#append({ names, invalidation });
    return { xid: invalidation.number };
  }

  async touch(id: string): Promise<StoredEntry['remaining'] | undefined> {
    this.#check();
    const [row, now] = [this.#rows.get(id), this.#now()];
    if (row === undefined || !isFresh(this.#entry(id))) return undefined;
    await this.#keep(touched(row, now));
    return this.#entry(id)?.remaining;
  }

  async postpone(id: string, ms: number, token: LoadToken, what: Postponed): Promise<void> {
    this.#check();
    const row = this.#rows.get(id);
    if (row === undefined || token.incarnation !== this.#incarnation || row.writer >= seenBy(token)) return;
    const until = this.#now() + ms;
    if (what === 'load') await this.#keep({ ...row, retryAt: until });
    else if (row.earlyAt !== undefined) await this.#keep({ ...row, earlyAt: Math.max(row.earlyAt, until) });
  }

  async list({ from, below, like, after, limit, maxBytes, bodies }: ListRequest): Promise<ListPage> {
    this.#check();
    const matches = matcher(like);
    const ids = [...this.#rows.keys()]
      .filter((id) => !isBefore(id, from) && isBefore(id, below) && isBefore(after, id))
      .sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
    const entries: { readonly id: string; readonly entry: StoredEntry }[] = [];
    let [bytes, last] = [0, after];
    for (const id of ids.slice(0, limit)) {
      const entry = matches(id) ? this.#entry(id) : undefined;
      const size = entry === undefined || bodies === 'left out' ? 0 : entry.encoded.body.length;
      if (entries.length > 0 && bytes + size > maxBytes) break;
      last = id;
      bytes += size;
      if (entry === undefined) continue;
      const encoded = bodies === 'left out' ? { ...entry.encoded, body: '' } : entry.encoded;
      entries.push({ id, entry: { ...entry, encoded } });
    }
    return { token: this.#token(), entries, next: last === ids.at(-1) || ids.length === 0 ? undefined : last };
  }

  /** Every snapshot is `n:n:`: it sees the writes below n, and none is ever running. */
  #token(): LoadToken {
    return { incarnation: this.#incarnation, snapshot: `${this.#next}:${this.#next}:`, at: String(this.#now()) };
  }

  /** Why the result of a load that began at `token` must not be stored, if so. */
  #refusal({ id, tags }: EntryWrite, token: LoadToken): RefusalReason | undefined {
    if (token.incarnation !== this.#incarnation) return 'incarnation';
    if (this.#now() - Number(token.at) > this.#options.loadDeadline) return 'deadline';
    if (this.#unseen(namesOf({ id, tags }, this.#options.scopeNames), seenBy(token)).length > 0) return 'invalidated';
    const row = this.#rows.get(id);
    if (row === undefined || row.writer < seenBy(token)) return undefined;
    // What was set stands against older loads even when it has ended; another load's result only while it lives.
    const lives = entryOf(row, this.#now()).remaining.stale > 0;
    return row.origin === 'set' || lives ? 'newer' : undefined;
  }

  /** The row of `id` as the log leaves it, unless it is dead. */
  #find(id: string): Row | undefined {
    const row = this.#rows.get(id);
    if (row === undefined) return undefined;
    const unseen = this.#unseen(namesOf(row, this.#options.scopeNames), row.sees);
    if (unseen.some(({ kind }) => kind === 'delete')) return undefined;
    const left = unseen.reduce((before, { at }) => expired(before, at), row);
    return entryOf(left, this.#now()).remaining.stale > 0 ? left : undefined;
  }

  #entry(id: string): StoredEntry | undefined {
    const row = this.#find(id);
    return row && entryOf(row, this.#now());
  }

  /** What was invalidated under these names from write number `sees` on. */
  #unseen(names: readonly string[], sees: number): readonly Invalidation[] {
    return names.flatMap((name) => (this.#log.get(name) ?? []).filter(({ number }) => number >= sees));
  }

  async #write(write: EntryWrite, sees: number): Promise<WriteReceipt> {
    const token = this.#token();
    const row = rowOf(write, { sees, writer: this.#next++, now: this.#now() });
    const { remaining, ceiling } = entryOf(row, row.writtenAt);
    await this.#keep(row);
    return { remaining, ceiling, token, xid: row.writer };
  }

  async #keep(row: Row): Promise<void> {
    this.#rows.set(row.id, row);
    await this.#append({ row });
  }

  #invalidate(names: readonly string[], invalidation: Invalidation): void {
    for (const name of names) {
      // Who has not seen an earlier invalidation has not seen this one either.
      const before = invalidation.kind === 'delete' ? [] : (this.#log.get(name) ?? []);
      this.#log.set(name, [...before, invalidation]);
    }
  }

  async #append(change: Change): Promise<void> {
    const file = this.#check();
    this.#written = this.#written.then(() => file.appendFile(`${JSON.stringify(change)}\n`));
    await this.#written.catch((error: unknown) => {
      throw new StoreError('The file of the store cannot be written', { outcome: 'unknown', cause: error });
    });
  }

  #replay(line: string): void {
    const change = JSON.parse(line) as Change;
    if ('row' in change) this.#rows.set(change.row.id, change.row);
    else this.#invalidate(change.names, change.invalidation);
    const number = 'row' in change ? change.row.writer : change.invalidation.number;
    this.#next = Math.max(this.#next, number + 1);
  }

  #check(): FileHandle {
    if (typeof this.#file !== 'string') return this.#file;
    throw new StoreError(`The store is ${this.#file}`, { outcome: 'failed' });
  }
}

/** A line of the file. */
type Change = { readonly row: Row } | { readonly names: readonly string[]; readonly invalidation: Invalidation };

function seenBy({ snapshot }: LoadToken): number {
  return Number.parseInt(snapshot, 10);
}

function isFresh(entry: StoredEntry | undefined): boolean {
  return entry !== undefined && entry.remaining.fresh > 0;
}

/** In the order of the bytes of UTF-8. */
function isBefore(one: string, other: string): boolean {
  return Buffer.compare(Buffer.from(one), Buffer.from(other)) < 0;
}
