/** The table cache: rows by primary key, each an entry of its own. */

import { explicitCall } from '../engine/explicit-call.js';
import type { Policy, ResolvedPolicy } from '../kernel/policy.js';
import { resolvePolicy } from '../kernel/resolve-policy.js';
import { escapeBefore } from '../keys/escape.js';
import type { RowHost, RowPolicy, RowReadPolicy, RowSource, TableCache, TableRow } from '../ports/tables.js';
import { type KeyShape, keyTexts } from './key-text.js';
import type { ResolvedTable } from './table-options.js';

export class RowCache implements TableCache<TableRow, unknown> {
  readonly #host: RowHost;
  readonly #table: ResolvedTable;
  readonly #open: () => Promise<RowSource>;
  readonly #subject: string;
  readonly #begin: string;
  #opened: Promise<{ readonly source: RowSource; readonly shape: KeyShape }> | undefined;
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
    const { source, shape } = await this.#opening();
    const asked = Array.from(keys, (key) => keyTexts(key, shape)).map((texts) => ({ texts, key: this.#keyOf(texts) }));
    const once = [...new Map(asked.map((one) => [one.key, one.texts]))];
    const textsAt = (position: number): readonly string[] => once[position]?.[1] ?? [];
    const policy = this.#policy(options);
    const values = await this.#host.fetchMany({
      policy,
      useCase: policy.useCase ?? this.#subject,
      signal: undefined,
      keys: once.map(([key]) => key),
      tagsOf: (position) => this.#tagsOf(textsAt(position)),
      load: async (positions) => (await source.read(positions.map(textsAt))).map((row) => row ?? null),
    });
    const rows = new Map(once.map(([key], i) => [key, values[i] ?? null]));
    return asked.map(({ key }) => (rows.get(key) ?? null) as TableRow | null);
  }

  write(key: unknown, row: TableRow | null, options: RowPolicy = {}): Promise<void> {
    return explicitCall(async () => {
      const { shape } = await this.#opening();
      const texts = keyTexts(key, shape);
      const { policy } = this.#table;
      const tags = [...this.#tagsOf(texts), ...(policy.tags ?? [])];
      await this.#host.set(this.#keyOf(texts), row, { ...policy, ...given(options), tags });
    });
  }

  invalidate(key: unknown): Promise<void> {
    return explicitCall(async () => {
      const { shape } = await this.#opening();
      await this.#host.delete(this.#keyOf(keyTexts(key, shape)));
    });
  }

  #policy({ ttl, consistency }: RowReadPolicy): ResolvedPolicy {
    if (ttl !== undefined || consistency !== undefined)
      return resolvePolicy([this.#host.defaults, this.#table.policy, { ttl, consistency }], this.#subject);
    this.#usual ??= resolvePolicy([this.#host.defaults, this.#table.policy], this.#subject);
    return this.#usual;
  }

  #keyOf(texts: readonly string[]): string {
    return `${this.#begin}${joined(texts)}`;
  }

  /**
   * The one that a watched table invalidates when this row changes, not that of any change; and one for all rows, to be invalidated by
   * hand.
   */
  #tagsOf(texts: readonly string[]): readonly string[] {
    return [`${this.#table.request.table}:${joined(texts)}`, `table:${nameOf(this.#table)}`];
  }

  async #opening(): Promise<{ readonly source: RowSource; readonly shape: KeyShape }> {
    this.#opened ??= this.#openSource();
    try {
      return await this.#opened;
    } catch (error) {
      // It may be there by the next call.
      this.#opened = undefined;
      throw error;
    }
  }

  async #openSource(): Promise<{ readonly source: RowSource; readonly shape: KeyShape }> {
    const { table, primaryKey } = this.#table.request;
    const source = await this.#open();
    return { source, shape: { table, columns: primaryKey, kinds: await source.describe() } };
  }
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
