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
import { MOST_ROWS, massStep } from './mass.js';
import { oneRowStep } from './one-row.js';
import { identifier, indent, literal } from './quoting.js';
import { type ColumnTemplate, fixedName, nameExpression, type TagFunctions, type TagType } from './tag-expression.js';
import type { WatchedTable } from './watched-table.js';

/** The transition tables. */
export const OLD_ROWS = 'keepsake_old';
export const NEW_ROWS = 'keepsake_new';

/** Rows of a truncated table that are named one by one; of more everything in the namespaces is invalidated. */
const MOST_TRUNCATED = 100_000;

/** Quoted names of what the function uses. */
export interface FunctionSurroundings extends TagFunctions {
  readonly log: string;
  readonly mass: string;
}

/** The source text of the function, in PL/pgSQL. */
export function functionBody(watched: WatchedTable, surroundings: FunctionSurroundings): string {
  const body = new Body(watched, surroundings);
  return `
declare
  found_rows bigint;
begin
  if tg_op = 'INSERT' then
${indent(body.changed([NEW_ROWS]), 4)}
  elsif tg_op = 'DELETE' then
${indent(body.changed([OLD_ROWS]), 4)}
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

  /** Logs the rows in transition tables, the new ones first if there are two: by the step for one row, for very many, or for others. */
  changed(rows: readonly [string, ...string[]]): string {
    const [first] = rows;
    const { log, mass } = this.#surroundings;
    const { namespaces, typeOf } = this.#watched;
    const columns = this.#columns().some((column) => typeOf(column) === 'text')
      ? undefined
      : this.#columns().map(identifier);
    const names = this.#names('r');
    const many = massStep({ rows, names, columns, fixed: this.#fixedNames(), namespaces, mass, log });
    return `${this.#oneRow(rows)}
if found then
  return null;
end if;
if not exists (${rows.map((table) => `select from ${table}`).join(' union all ')}) then
  return null;
end if;
if exists (select from ${first} offset ${MOST_ROWS}) then
${indent(many, 2)}
else
${indent(this.#twoSteps(this.#changes(rows)), 2)}
end if;`;
  }

  update(): string {
    const { comparison } = this.#watched;
    if (comparison === undefined) return this.changed([NEW_ROWS, OLD_ROWS]);
    const names = `${this.#fixed()} where exists (select from changed)
union
select unnest(c.names) collate "C" from changed as c`;
    return `${this.#compared(comparison)}${this.#oneStep(names)}`;
  }

  #oneRow(rows: readonly [string, ...string[]]): string {
    const { templates, relations, typeOf } = this.#watched;
    return oneRowStep({
      rows,
      // Only where rows can move to another partition may one be deleted and not arrive, so that there are more old rows than new ones.
      counted: relations.some(({ kind }) => kind === 'p') ? rows : rows.slice(0, 1),
      names: [...this.#fixedNames(), ...this.#names('n')],
      // The table's tag and that of its key differ, and so do those of two namespaces; others can be anything.
      mayRepeat: templates.length > 2,
      same: this.#columns().map((column) => sameExpression(identifier(column), typeOf(column))),
      log: this.#surroundings.log,
    });
  }

  /** Names of the rows in transition tables, none of them twice. */
  #changes(rows: readonly string[]): string {
    const names = this.#names('r').map((name) => `(${name}) collate "C"`);
    const keyed = rows.map((table) => `select ${oneOrEach(names)} from ${table} as r`);
    return [this.#fixed(), ...keyed].join('\nunion\n');
  }

  #twoSteps(names: string): string {
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
  #compared({ pairedBy, compared }: NonNullable<WatchedTable['comparison']>): string {
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
    return `select ${oneOrEach(this.#fixedNames().map((name) => `${name} collate "C"`))}`;
  }

  #fixedNames(): readonly string[] {
    const names = this.#perNamespace('without columns').map(([namespace, template]) =>
      fixedName(namespace, template.literals[0] ?? ''),
    );
    return [...new Set(names)].map(literal);
  }

  /** Those that names are made of. */
  #columns(): readonly string[] {
    const { templates } = this.#watched;
    return [...new Set(templates.flatMap(({ columns }) => columns.map(({ column }) => column)))];
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

/** Byte for byte: a collation may call texts equal that are not. */
function sameExpression(column: string, type: TagType): string {
  const [before, after] = ['o', 'n'].map((row) => `${row}.${column}${type === 'text' ? '::text collate "C"' : ''}`);
  return `${before} is not distinct from ${after}`;
}

function oneOrEach(expressions: readonly string[]): string {
  const [only = ''] = expressions;
  return expressions.length === 1 ? only : `unnest(array[${expressions.join(', ')}])`;
}
