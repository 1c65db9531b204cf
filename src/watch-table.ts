/** Watched tables: what users call, and what they may ask for. */
import { ConfigurationError } from './errors.js';
import { closestName } from './kernel/closest-name.js';
import { CACHE_DEFAULTS } from './kernel/defaults.js';
import { refuse } from './kernel/expectation.js';
import { checkNamespace } from './kernel/names.js';
import { escapeBefore } from './keys/escape.js';
import { invalidTemplate, parseTemplate } from './keys/template-parser.js';
import type { ColumnTemplate } from './postgres/watch/tag-expression.js';
import type { CacheNames, WatchScript } from './postgres/watch/watch.js';
import type { WatchRequest } from './postgres/watch/watched-table.js';

/** Where triggers are installed: a Kysely instance or transaction, a `pg` pool or client, or a function that runs a statement. */
export type WatchDatabase =
  | { executeQuery(...args: never[]): PromiseLike<unknown> }
  | { query(...args: never[]): unknown }
  | ((sql: string, params: string[]) => PromiseLike<unknown>);

/** Which table, in which database's cache. */
export interface WatchedTableName {
  /** The table, as it is called: no quotes. */
  readonly table: string;
  /** The table's schema. Default `public`. */
  readonly schema?: string | undefined;
  /** The names that the cache was given, where they are not the default ones. */
  readonly cache?: Partial<CacheNames> | undefined;
}

export interface WatchOptions extends WatchedTableName {
  /** The column, or columns in the order of the tag, that tell rows apart. Default: those of the primary key. */
  readonly key?: string | readonly string[] | undefined;
  /** More tags, with columns as placeholders: `['tenant:{tenant_id}:users']`. A row whose column is null has none of them. */
  readonly tags?: readonly string[] | undefined;
  /**
   * Columns whose change does not matter: a row in which nothing else changed is not invalidated. Default: every row that an update
   * touched counts as changed. Rows are compared when this is given, which costs a join; `[]` compares all columns.
   */
  readonly ignore?: readonly string[] | undefined;
  /** The namespaces of the caches that are to hear of it. Default `['']`. */
  readonly namespaces?: readonly string[] | undefined;
}

/** What is watched now. */
export interface Watch {
  /** The tags that are invalidated, as templates: `['users', 'users:{id}']`. */
  readonly tags: readonly string[];
  /** Every table that has triggers, with its schema: the table itself, its partitions, those that inherit from it. */
  readonly tables: readonly string[];
  /** `unchanged`: it was watched in this way already, and nothing was done. */
  readonly outcome: 'installed' | 'unchanged';
}

/**
 * Watches a table: from now on whoever changes a row of it invalidates, in the same transaction, the tags `<table>` and `<table>:<key>`, and
 * those of `tags`. Installs triggers on the table, its partitions and the tables that inherit from it; run it again when there are more
 * of them. The caches of the namespaces are cleared once.
 *
 * Needs the cache's tables (`keepsake migrate`), ownership of the table, and `create` on the cache's schema. Locks the table against
 * writes while it is at it.
 *
 * @throws ConfigurationError `INVALID_OPTION`, `INVALID_KEY_TEMPLATE`, `MISSING_SCHEMA`, `MISSING_RIGHT`; StoreError when the database fails
 * @example
 * export async function up(db: Kysely<any>) {
 *   await watchTable(db, { table: 'users', key: 'id', tags: ['tenant:{tenant_id}:users'], ignore: ['last_seen_at'] })
 * }
 */
export async function watchTable(db: WatchDatabase, options: WatchOptions): Promise<Watch> {
  const { planWatch, runScript } = await watching();
  const script = await planWatch(db, requestOf(options), cacheNamesOf(options));
  await runScript(db, script);
  const { statements, tags, tables } = script;
  return { tags, tables, outcome: statements.length === 0 ? 'unchanged' : 'installed' };
}

/**
 * The SQL that {@link watchTable} would run, for psql; an empty text when the table is watched in this way already. Reads the catalog.
 *
 * @throws as watchTable does
 */
export async function watchTableSql(db: WatchDatabase, options: WatchOptions): Promise<string> {
  const { planWatch, printScript } = await watching();
  return printScript(await planWatch(db, requestOf(options), cacheNamesOf(options)));
}

/**
 * Removes the triggers. Entries that were cached meanwhile stay until they end, and nobody tells them of changes any more: shorten their
 * `ttl` first.
 *
 * @throws ConfigurationError `INVALID_OPTION` for a table that is not watched
 */
export async function unwatchTable(db: WatchDatabase, options: WatchedTableName): Promise<void> {
  const { runScript } = await watching();
  await runScript(db, await planOfUnwatching(db, options));
}

/** The SQL that {@link unwatchTable} would run, for psql. */
export async function unwatchTableSql(db: WatchDatabase, options: WatchedTableName): Promise<string> {
  const { printScript } = await watching();
  return printScript(await planOfUnwatching(db, options));
}

async function planOfUnwatching(db: WatchDatabase, options: WatchedTableName): Promise<WatchScript> {
  refuseUnknown(options, ['table', 'schema', 'cache'], 'unwatchTable()');
  const { planUnwatch } = await watching();
  return await planUnwatch(db, { ...tableOf(options, 'unwatchTable()') }, cacheNamesOf(options));
}

/** Loaded when it is asked for: the package's users need not load a driver that they do not use. */
function watching(): Promise<typeof import('./postgres/watch/watch.js')> {
  return import('./postgres/watch/watch.js');
}

const SUBJECT = 'watchTable()';

function requestOf(options: WatchOptions): WatchRequest {
  refuseUnknown(options, ['table', 'schema', 'cache', 'key', 'tags', 'ignore', 'namespaces'], SUBJECT);
  const { key, tags, ignore, namespaces } = options;
  return {
    ...tableOf(options, SUBJECT),
    key: key === undefined ? undefined : listOf(typeof key === 'string' ? [key] : key, 'key', 'some'),
    templates: listOf(tags ?? [], 'tags', 'any').map(templateOf),
    ignore: ignore === undefined ? undefined : listOf(ignore, 'ignore', 'any'),
    namespaces: [...new Set(namespacesOf(namespaces))],
  };
}

function namespacesOf(given: readonly string[] | undefined): readonly string[] {
  if (given === undefined) return [CACHE_DEFAULTS.namespace];
  if (Array.isArray(given) && given.length > 0) return given.map((one) => checkNamespace(one, SUBJECT));
  const expected = "an array of namespaces such as ['shop']";
  throw refuse({ option: 'namespaces', expected, got: given, subject: SUBJECT, code: 'INVALID_OPTION' });
}

function tableOf(options: WatchedTableName, subject: string): { readonly schema: string; readonly table: string } {
  const { table, schema = 'public' } = options;
  return { schema: nameOf(schema, 'schema', subject), table: nameOf(table, 'table', subject) };
}

function cacheNamesOf({ cache = {} }: WatchedTableName): CacheNames {
  refuseUnknown(cache, ['schema', 'table', 'prefix'], '`cache` of a watched table');
  const { schema = CACHE_DEFAULTS.schema, table = CACHE_DEFAULTS.table, prefix = CACHE_DEFAULTS.prefix } = cache;
  return { schema, table, prefix };
}

function nameOf(given: unknown, option: string, subject: string): string {
  if (typeof given === 'string' && given !== '' && !given.includes('\0') && given.isWellFormed()) return given;
  throw refuse({ option, expected: 'a name without NUL', got: given, subject, code: 'INVALID_OPTION' });
}

function listOf(given: unknown, option: string, least: 'some' | 'any'): readonly string[] {
  const isList = Array.isArray(given) && (least === 'any' || given.length > 0);
  if (isList) return [...new Set(given.map((one: unknown) => nameOf(one, option, SUBJECT)))];
  throw refuse({ option, expected: 'an array of texts', got: given, subject: SUBJECT, code: 'INVALID_OPTION' });
}

/** A tag template, with the syntax and escaping of those of cached methods, over columns. */
function templateOf(template: string): ColumnTemplate {
  const subject = `tag of ${SUBJECT}`;
  const { literals, placeholders } = parseTemplate(template, subject);
  const columns = placeholders.map(({ source, root, steps, formatter, fallback }, i) => {
    if (steps.length > 0 || formatter !== undefined)
      throw invalidTemplate(
        template,
        subject,
        `have columns as placeholders, such as \`{${root}}\`, got \`{${source}}\``,
      );
    const escaped = escapeBefore(literals[i + 1] ?? '');
    return { column: root, fallback: fallback === undefined ? undefined : escaped(fallback) };
  });
  return { source: template, literals, columns };
}

function refuseUnknown(options: unknown, known: readonly string[], subject: string): void {
  if (typeof options !== 'object' || options === null)
    throw refuse({ option: 'options', expected: 'an object', got: options, subject, code: 'INVALID_OPTION' });
  for (const option of Object.keys(options)) {
    if (known.includes(option)) continue;
    const close = closestName(option, known);
    const hint = close === undefined ? '' : `, did you mean \`${close}\`?`;
    throw new ConfigurationError('INVALID_OPTION', `There is no option \`${option}\` of ${subject}${hint}`);
  }
}
