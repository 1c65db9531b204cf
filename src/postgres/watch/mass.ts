/**
 * The step of a trigger function for statements that changed very many rows: hashes of the names, a hundred or so to a row, instead of a row of
 * the log for each (migrations/0008_mass_invalidations.ts, which also has the function that looks names up).
 *
 * A row of the log and of its two indexes for each changed row takes longer than the update of the rows themselves, whatever else is spared. Local tiers cannot be
 * told so many names one by one: they hear of the whole namespace, and ask the shared tier, where exactly what changed is invalid.
 */
import { namespaceName } from '../../kernel/names.js';
import { indent, literal } from './quoting.js';

/** Rows above which a statement is a mass: of so many names a heartbeat makes one anyway (postgres/stream.ts). */
export const MOST_ROWS = 10_000;

/** Rows up to which lists of the columns are compared, which have to be held in memory. */
const MOST_COMPARED = 200_000;

/** Lowest bits of a hash that make its bucket, as the function has it that looks names up. More rows than this are much to write, fewer are long to search. */
const BUCKET_BITS = 1023;

/** What the step is made of; expressions are SQL. */
export interface MassStep {
  /** Transition tables; if there are two, that of the new rows first. */
  readonly rows: readonly [string, ...string[]];
  /** The log's names of a row `r`. */
  readonly names: readonly string[];
  /** Columns that names are made of, quoted, or undefined if their values can be of any size. */
  readonly columns: readonly string[] | undefined;
  /** Names that every change has. */
  readonly fixed: readonly string[];
  readonly namespaces: readonly string[];
  /** Quoted names of the tables. */
  readonly mass: string;
  readonly log: string;
}

/**
 * Old and new rows nearly always have the same names, in the same order. Then the old ones are not looked at where that can be found out cheaply; elsewhere they
 * make the same lists, of which `union` keeps one.
 */
export function massStep({ rows, names, columns, fixed, namespaces, mass, log }: MassStep): string {
  const [first] = rows;
  const lists = rows.map((table) => listsOf(table, names));
  const insert = (selected: readonly string[]): string =>
    `insert into ${mass} (bucket, hashes)\n${selected.join('\nunion\n')};`;
  const all = insert(lists);
  const kinds = [
    ...fixed.map((name) => `(${name}, 'delete')`),
    ...namespaces.map((namespace) => `(${literal(namespaceName(namespace))}, 'written')`),
  ];
  const hashes =
    rows.length === 1 || columns === undefined
      ? all
      : `if not exists (select from ${first} offset ${MOST_COMPARED})${columns.map((column) => `\n  and ${isUnchanged(column, rows)}`).join('')}
then
${indent(insert(lists.slice(0, 1)), 2)}
else
${indent(all, 2)}
end if;`;
  return `${hashes}
insert into ${log} as i (name, kind)
values ${kinds.join(', ')}
on conflict (name, xid) do update set kind = excluded.kind, at = excluded.at
where i.kind <> 'delete' and excluded.kind = 'delete';`;
}

/** `offset 0` keeps a hash from being computed once for each place where it stands. */
function listsOf(table: string, names: readonly string[]): string {
  const hashes = names.map((name) => `select hashtextextended((${name}) collate "C", 0) as hash from ${table} as r`);
  return `select (r.hash & ${BUCKET_BITS})::integer, array_agg(r.hash)
from (
  ${hashes.join('\n  union all\n  ')}
  offset 0
) as r
where r.hash is not null
group by 1`;
}

function isUnchanged(column: string, rows: readonly string[]): string {
  return rows.map((table) => `(select array_agg(r.${column}) from ${table} as r)`).join(' = ');
}
