/** Watching a table: the statements that install its triggers, and those that remove them. */
import { createHash } from 'node:crypto';
import { refuse } from '../../kernel/expectation.js';
import { namespaceName } from '../../kernel/names.js';
import { functionNames, type NameOptions, type TableNames, tableNames } from '../names.js';
import { databaseRunnerOf } from '../user-transaction.js';
import { type CatalogRelation, type CatalogTable, functionsBegin, readCatalog, sendOrExplain } from './catalog.js';
import { dollarQuoted, identifier, literal, qualified } from './quoting.js';
import { functionBody, NEW_ROWS, OLD_ROWS } from './trigger-function.js';
import { existing, resolveWatch, type WatchedTable, type WatchRequest } from './watched-table.js';

/** Which cache's log is written to. */
export type CacheNames = NameOptions;

/** Statements that make a table watched, or not watched any more. */
export interface WatchScript {
  /** In order; none: there is nothing to do. They belong into one transaction. */
  readonly statements: readonly string[];
  /** Tags that are invalidated, as templates. */
  readonly tags: readonly string[];
  /** Every table that has triggers, with its schema: the table itself, its partitions, those that inherit from it. */
  readonly tables: readonly string[];
}

/**
 * What has to be done for a table to be watched.
 *
 * @throws ConfigurationError for what cannot be watched, StoreError when the database fails
 */
export async function planWatch(db: unknown, request: WatchRequest, cache: CacheNames): Promise<WatchScript> {
  const names = tableNames(cache);
  const catalog = await readCatalog(databaseRunnerOf(db), { schema: request.schema, name: request.table }, names);
  const watched = resolveWatch(request, catalog, names);
  const { escape: escaping, storedTag } = functionNames(names);
  const functions = {
    log: qualified(names.schema, names.invalidations),
    mass: qualified(names.schema, names.mass),
    escape: qualified(names.schema, escaping),
    storedTag: qualified(names.schema, storedTag),
  };
  const trigger = { names, hash: hashOf(names, request), body: functionBody(watched, functions) };
  const tags = watched.templates.map(({ source }) => source);
  const tables = watched.relations.map(({ schema, name }) => `${schema}.${name}`);
  if (isInstalled(watched, trigger)) return { statements: [], tags, tables };
  const statements = [...removal(watched, names), ...installation(watched, trigger), ...fresh(watched, functions.log)];
  return { statements, tags, tables };
}

/**
 * What has to be done for a table not to be watched any more, whatever it was called then.
 *
 * @throws ConfigurationError for a table that is not there or not watched
 */
export async function planUnwatch(
  db: unknown,
  table: { readonly schema: string; readonly table: string },
  cache: CacheNames,
): Promise<WatchScript> {
  const names = tableNames(cache);
  const catalog = await readCatalog(databaseRunnerOf(db), { schema: table.schema, name: table.table }, names);
  const found = existing(table, catalog, 'unwatchTable()');
  const statements = removal(found, names);
  if (statements.length > 0) {
    const tables = found.relations.map(({ schema, name }) => `${schema}.${name}`);
    return { statements, tags: [], tables };
  }
  const expected = `a table that is watched for the cache ${names.schema}.${names.entries}`;
  throw refuse({ option: 'table', expected, got: table.table, subject: 'unwatchTable()', code: 'INVALID_OPTION' });
}

/** Carries it out as one statement, so that all of it happens or nothing, in a transaction of the caller's or without one. */
export async function runScript(db: unknown, { statements }: WatchScript): Promise<void> {
  if (statements.length === 0) return;
  const block = `begin\n${statements.map((statement) => `${statement};`).join('\n')}\nend`;
  await sendOrExplain(databaseRunnerOf(db), `do ${dollarQuoted(block)}`, []);
}

/** The same as a text for psql. */
export function printScript({ statements }: WatchScript): string {
  if (statements.length === 0) return '';
  return `begin;\n\n${statements.map((statement) => `${statement};\n\n`).join('')}commit;\n`;
}

interface TriggerFunction {
  readonly names: TableNames;
  readonly hash: string;
  readonly body: string;
}

/** Of the cache and the table: two caches can watch one table, and one cache two tables of one name. */
function hashOf({ schema, entries }: TableNames, request: WatchRequest): string {
  const subject = JSON.stringify([schema, entries, request.schema, request.table]);
  return createHash('sha256').update(subject).digest('hex').slice(0, 10);
}

const EVENTS = ['insert', 'update', 'delete', 'truncate'] as const;
type TriggerEvent = (typeof EVENTS)[number];

/** Triggers of the table itself and of those below it differ in name, since each of these may be watched on its own as well. */
function triggerName(hash: string, event: TriggerEvent, { root }: Pick<CatalogRelation, 'root'>): string {
  return `keepsake_${hash}_${root ? '' : 'below_'}${event}`;
}

/** Functions of triggers that belong to the table itself, whatever it was called when they were made. */
function ownFunctions({ relations, triggers }: Pick<CatalogTable, 'relations' | 'triggers'>): ReadonlySet<string> {
  const root = relations.find((relation) => relation.root);
  const own = triggers.filter(
    ({ schema, table, name }) => schema === root?.schema && table === root.name && !name.includes('_below_'),
  );
  return new Set(own.map((trigger) => trigger.function));
}

function isInstalled(watched: WatchedTable, { names, hash, body }: TriggerFunction): boolean {
  const name = `${functionsBegin(names)}${hash}`;
  const own = ownFunctions(watched);
  const there = new Set(
    watched.triggers
      .filter((trigger) => trigger.function === name && trigger.source === body && trigger.enabled === 'A')
      .map(({ schema, table, name: trigger, argument }) => JSON.stringify([schema, table, trigger, argument])),
  );
  const wanted = watched.relations.flatMap((relation) =>
    EVENTS.map((event) =>
      JSON.stringify([relation.schema, relation.name, triggerName(hash, event, relation), `${relation.width}\\000`]),
    ),
  );
  return own.size === 1 && own.has(name) && wanted.every((trigger) => there.has(trigger));
}

function removal(table: Pick<CatalogTable, 'relations' | 'triggers'>, names: TableNames): readonly string[] {
  const own = ownFunctions(table);
  const triggers = table.triggers.filter((trigger) => own.has(trigger.function));
  return [
    ...triggers.map(({ name, schema, table: on }) => `drop trigger ${identifier(name)} on ${qualified(schema, on)}`),
    ...[...own].map((name) => `drop function ${qualified(names.schema, name)}()`),
  ];
}

function installation(watched: WatchedTable, { names, hash, body }: TriggerFunction): readonly string[] {
  const name = `${qualified(names.schema, `${functionsBegin(names)}${hash}`)}()`;
  const { log } = watched;
  return [
    `create or replace function ${name} returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off
as ${dollarQuoted(body)}`,
    `comment on function ${name} is ${literal(`Keepsake: watches ${watched.schema}.${watched.table}`)}`,
    ...(log.canGive ? [`alter function ${name} owner to ${identifier(log.owner)}`] : []),
    ...watched.relations.flatMap((relation) => EVENTS.flatMap((event) => triggerOn(relation, event, hash, name))),
  ];
}

/** `enable always`: heard in sessions as well that replay changes of other servers, or pretend to, as tools that load data do. */
function triggerOn(relation: CatalogRelation, event: TriggerEvent, hash: string, name: string): readonly string[] {
  const trigger = identifier(triggerName(hash, event, relation));
  const table = qualified(relation.schema, relation.name);
  const given = name.replace(/\(\)$/, `(${literal(String(relation.width))})`);
  const when = event === 'truncate' ? 'before' : 'after';
  return [
    `create trigger ${trigger} ${when} ${event} on ${table}${REFERENCING[event]} for each statement execute function ${given}`,
    `alter table ${table} enable always trigger ${trigger}`,
  ];
}

const REFERENCING: Readonly<Record<TriggerEvent, string>> = {
  insert: ` referencing new table as ${NEW_ROWS}`,
  update: ` referencing old table as ${OLD_ROWS} new table as ${NEW_ROWS}`,
  delete: ` referencing old table as ${OLD_ROWS}`,
  truncate: '',
};

/** What was loaded before nobody was told of changes to; it may be old already, and would stay. */
function fresh({ namespaces }: WatchedTable, log: string): readonly string[] {
  const names = namespaces.map((namespace) => literal(namespaceName(namespace))).join(', ');
  return [
    `insert into ${log} as i (name, kind) select n.name, 'delete' from unnest(array[${names}]) as n (name)
on conflict (name, xid) do update set kind = excluded.kind, at = excluded.at where i.kind <> 'delete'`,
  ];
}
