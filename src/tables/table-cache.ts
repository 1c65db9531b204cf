/** The table cache: rows by primary key, each an entry of its own. */

import { explicitCall } from '../engine/explicit-call.js';
import type { Policy, ResolvedPolicy } from '../kernel/policy.js';
import { resolvePolicy } from '../kernel/resolve-policy.js';
import { escapeBefore } from '../keys/escape.js';
import type { RowHost, RowPolicy, RowReadPolicy, RowSource, TableCache, TableRow } from '../ports/tables.js';
import type { KeyShape } from './key-text.js';
import { RowKeys } from './row-keys.js';
import type { ResolvedTable } from './table-options.js';

export class RowCache implements TableCache<TableRow, unknown> {
  readonly #host: RowHost;
  readonly #table: ResolvedTable;
  readonly #open: () => Promise<RowSource>;
  readonly #subject: string;
  readonly #begin: string;
  #opened: Promise<Opened> | undefined;
  #usual: ResolvedPolicy | undefined;

  constructor(host: RowHost, table: ResolvedTable, open: () => Promise<RowSource>) {
    this.#host = host;
    this.#table = table;
    this.#open = open;
    this.#subject = `table(\`${table.request.table}\`)`;
    this.#begin = beginningOf(table);
  }

  async read(key: unknown, options?: RowReadPolicy): Promise<TableRow | null> {
    const [row = null] = await this.readMany([key], options);
    return row;
  }

  async readMany(keys: Iterable<unknown>, options: RowReadPolicy = {}): Promise<(TableRow | null)[]> {
    const { source, rowKeys } = await this.#opening();
    const { places, once } = rowKeys.distinct(keys);
    const textsAt = (position: number): readonly string[] => once[position]?.texts ?? [];
    const policy = this.#policy(options);
    const values = await this.#host.fetchMany({
      policy,
      useCase: policy.useCase ?? this.#subject,
      signal: undefined,
      keys: once.map(({ entry }) => entry),
      tagsOf: (position) => this.#tagsOf(textsAt(position)),
      load: async (positions) => (await source.read(positions.map(textsAt))).map((row) => row ?? null),
    });
    const rows = values.map((row) => (row ?? null) as TableRow | null);
    return places === 'as asked' ? rows : places.map((place) => rows[place] ?? null);
  }

  write(key: unknown, row: TableRow | null, options: RowPolicy = {}): Promise<void> {
    return explicitCall(async () => {
      const { rowKeys } = await this.#opening();
      const { texts, entry } = rowKeys.of(key);
      const { policy } = this.#table;
      const tags = [...this.#tagsOf(texts), ...(policy.tags ?? [])];
      await this.#host.set(entry, row, { ...policy, ...given(options), tags });
    });
  }

  invalidate(key: unknown): Promise<void> {
    return explicitCall(async () => {
      const { rowKeys } = await this.#opening();
      await this.#host.delete(rowKeys.of(key).entry);
    });
  }

  #policy({ ttl, consistency }: RowReadPolicy): ResolvedPolicy {
    if (ttl !== undefined || consistency !== undefined)
      return resolvePolicy([this.#host.defaults, this.#table.policy, { ttl, consistency }], this.#subject);
    this.#usual ??= resolvePolicy([this.#host.defaults, this.#table.policy], this.#subject);
    return this.#usual;
  }

  /**
   * The one that a watched table invalidates when this row changes, not that of any change; and one for all rows, to be invalidated by
   * hand.
   */
  #tagsOf(texts: readonly string[]): readonly string[] {
    return [`${this.#table.request.table}:${joined(texts)}`, `table:${nameOf(this.#table)}`];
  }

  async #opening(): Promise<Opened> {
    this.#opened ??= this.#openSource();
    try {
      return await this.#opened;
    } catch (error) {
      // It may be there by the next call.
      this.#opened = undefined;
      throw error;
    }
  }

  async #openSource(): Promise<Opened> {
    const { table, primaryKey } = this.#table.request;
    const source = await this.#open();
    const shape: KeyShape = { table, columns: primaryKey, kinds: await source.describe() };
    return { source, rowKeys: new RowKeys(shape, (texts) => `${this.#begin}${joined(texts)}`) };
  }
}

/** A table that was looked up. */
interface Opened {
  readonly source: RowSource;
  readonly rowKeys: RowKeys;
}

/** What the keys of a table's entries begin with: rows with other columns are other entries. */
function beginningOf(table: ResolvedTable): string {
  const { columns } = table.request;
  return `table:${nameOf(table)}${columns === undefined ? '' : `(${columns.map(escaped).join(',')})`}:`;
}

function nameOf({ request: { schema, table }, as }: ResolvedTable): string {
  return as ?? `${escaped(schema)}.${escaped(table)}`;
}

const escaped = escapeBefore('.');
const escapedPart = escapeBefore('');

function joined(texts: readonly string[]): string {
  return texts.map(escapedPart).join(':');
}

function given({ ttl }: RowPolicy): Policy {
  return ttl === undefined ? {} : { ttl };
}
