/**
 * The function that all triggers of one watched table call. It inserts the names of what changed into the log, in the writer's transaction,
 * and does nothing else: no notification, no look at entries.
 *
 * - It runs with the rights of its owner, so writers need none on our tables, and under a pinned search_path.
 * - Rows are only inserted, under the transaction's own id, so writers never wait for each other; in the order of their names, which keeps
 *   large statements on neighbouring pages of the index.
 * - Nearly all transactions write to watched tables once: their first statement finds nothing logged by its own transaction, and needs
 *   neither a look for conflicts at each row nor the bookkeeping of one. A later statement goes the longer way, where the stronger kind stays.
 */
import { namespaceName } from '../../kernel/names.js';
import { identifier, literal } from './quoting.js';
import { type ColumnTemplate, fixedName, nameExpression, type TagFunctions } from './tag-expression.js';
import type { WatchedTable } from './watched-table.js';

/** The transition tables. */
export const OLD_ROWS = 'keepsake_old';
export const NEW_ROWS = 'keepsake_new';

/** Rows of a truncated table that are named one by one; of more everything in the namespaces is invalidated. */
const MOST_TRUNCATED = 100_000;

/** Quoted names of what the function uses. */
export interface FunctionSurroundings extends TagFunctions {
  readonly log: string;
}

/** The source text of the function, in PL/pgSQL. */
export function functionBody(watched: WatchedTable, surroundings: FunctionSurroundings): string {
  const body = new Body(watched, surroundings);
  return `
declare
  found_rows bigint;
begin
  if tg_op = 'INSERT' then
${indent(body.twoSteps(body.changes([NEW_ROWS])), 4)}
  elsif tg_op = 'DELETE' then
${indent(body.twoSteps(body.changes([OLD_ROWS])), 4)}
  elsif tg_op = 'UPDATE' then
${indent(body.update(), 4)}
  else
${indent(body.truncation(), 4)}
  end if;
  return null;
end
`;
}

class Body {
  readonly #watched: WatchedTable;
  readonly #surroundings: FunctionSurroundings;

  constructor(watched: WatchedTable, surroundings: FunctionSurroundings) {
    this.#watched = watched;
    this.#surroundings = surroundings;
  }

  /** Names of the rows in transition tables, none of them twice. */
  changes(rows: readonly string[]): string {
    const names = this.#names('r').map((name) => `(${name}) collate "C"`);
    const keyed = rows.map((table) => `select ${oneOrEach(names)} from ${table} as r`);
    const [first = NEW_ROWS] = rows;
    return [`${this.#fixed()} where exists (select from ${first})`, ...keyed].join('\nunion\n');
  }

  twoSteps(names: string): string {
    const { log } = this.#surroundings;
    return `insert into ${log} as i (name, kind)
select n.name, 'delete'
from (
${indent(names, 2)}
) as n (name)
where n.name is not null
  and not exists (select from ${log} as own where own.xid = pg_current_xact_id())
order by n.name;
if not found then
${indent(this.#oneStep(names), 2)}
end if;`;
  }

  update(): string {
    const { comparison } = this.#watched;
    if (comparison === undefined) return this.twoSteps(this.changes([NEW_ROWS, OLD_ROWS]));
    const names = `${this.#fixed()} where exists (select from changed)
union
select unnest(c.names) collate "C" from changed as c`;
    return `${this.#changed(comparison)}${this.#oneStep(names)}`;
  }

  /** Before the rows are gone: where they cannot all be seen, or are too many, the whole namespaces are invalidated. */
  truncation(): string {
    const { log } = this.#surroundings;
    const spaces = this.#watched.namespaces.map((namespace) => literal(namespaceName(namespace))).join(', ');
    const names = this.#names('r').map((name) => `(${name}) collate "C"`);
    const logged = this.#oneStep(`${this.#fixed()}\nunion\nselect ${oneOrEach(names)} from \0 as r`);
    const [before = '', after = ''] = logged.split('\0');
    return `if current_setting('transaction_isolation') in ('read committed', 'read uncommitted')
  and has_table_privilege(tg_relid, 'select')
  and (select has_schema_privilege(c.relnamespace, 'usage') from pg_class as c where c.oid = tg_relid)
  and not row_security_active(tg_relid)
then
  execute format('select count(*) from (select from %s limit ${MOST_TRUNCATED + 1}) as r', tg_relid::regclass) into found_rows;
end if;
if found_rows <= ${MOST_TRUNCATED} then
  execute ${literal(before)} || tg_relid::regclass || ${literal(after.replace(/;$/, ''))};
else
  insert into ${log} as i (name, kind)
  select n.name, 'delete' from unnest(array[${spaces}]) as n (name)
${indent(KEEP_STRONGER, 2)};
end if;`;
  }

  #oneStep(names: string): string {
    const { log } = this.#surroundings;
    return `insert into ${log} as i (name, kind)
select n.name, 'delete'
from (
${indent(names, 2)}
) as n (name)
where n.name is not null
order by n.name
${KEEP_STRONGER};`;
  }

  /**
   * Rows that differ in a column that matters. Bytes are compared, which all types can be. A column that was added later is not known here, so
   * every row counts as changed from then on.
   */
  #changed({ pairedBy, compared }: NonNullable<WatchedTable['comparison']>): string {
    const row = (alias: string): string =>
      `row(${compared.map((column) => `${alias}.${identifier(column)}`).join(', ')})`;
    const paired = pairedBy.map((column) => `o.${identifier(column)} = n.${identifier(column)}`).join(' and ');
    const one = identifier(pairedBy[0] ?? '');
    return `with changed as materialized (
  select array[${[...this.#names('o'), ...this.#names('n')].join(', ')}] as names
  from ${OLD_ROWS} as o
  full join ${NEW_ROWS} as n on ${paired}
  where o.${one} is null or n.${one} is null or record_image_ne(${row('o')}, ${row('n')})
    or (select c.relnatts from pg_class as c where c.oid = tg_relid) <> tg_argv[0]::int
)
`;
  }

  /** Names that every change has. */
  #fixed(): string {
    const names = this.#perNamespace('without columns').map(([namespace, template]) =>
      literal(fixedName(namespace, template.literals[0] ?? '')),
    );
    return `select ${oneOrEach(names.map((name) => `${name} collate "C"`))}`;
  }

  /** Names that are made of a row. */
  #names(row: string): readonly string[] {
    const { typeOf } = this.#watched;
    return this.#perNamespace('with columns').map(([namespace, template]) =>
      nameExpression(template, { row, namespace, functions: this.#surroundings, typeOf }),
    );
  }

  #perNamespace(which: 'with columns' | 'without columns'): readonly (readonly [string, ColumnTemplate])[] {
    const templates = this.#watched.templates.filter(
      ({ columns }) => columns.length > 0 === (which === 'with columns'),
    );
    return this.#watched.namespaces.flatMap((namespace) => templates.map((template) => [namespace, template] as const));
  }
}

const KEEP_STRONGER = `on conflict (name, xid) do update set kind = excluded.kind, at = excluded.at
where i.kind <> 'delete'`;

function oneOrEach(expressions: readonly string[]): string {
  const [only = ''] = expressions;
  return expressions.length === 1 ? only : `unnest(array[${expressions.join(', ')}])`;
}

function indent(text: string, by: number): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? line : ' '.repeat(by) + line))
    .join('\n');
}
