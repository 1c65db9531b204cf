/**
 * The step of a trigger function for statements that changed very many rows: hashes of the names, a few hundred to a row, instead of a row of
 * the log for each (migrations/0008_mass_invalidations.ts, which also has the function that looks names up).
 *
 * A row of the log and of its two indexes for each changed row takes longer than the update of the rows themselves, whatever else is spared. Local tiers cannot be
 * told so many names one by one: they hear of the whole namespace, and ask the shared tier, where exactly what changed is invalid.
 */
import { namespaceName } from '../../kernel/names.js';
import { literal } from './quoting.js';

/** Rows above which a statement is a mass: of so many names a heartbeat makes one anyway (postgres/stream.ts). */
export const MOST_ROWS = 10_000;

/** What the step is made of; expressions are SQL. */
export interface MassStep {
  /** Transition tables. */
  readonly rows: readonly string[];
  /** The log's names of a row `r`. */
  readonly names: readonly string[];
  /** Those that every change has. */
  readonly fixed: readonly string[];
  readonly namespaces: readonly string[];
  /** Quoted names of the tables. */
  readonly mass: string;
  readonly log: string;
}

/**
 * Two statements. Old and new rows nearly always make the same lists, of which `union` keeps one: comparing lists costs less than comparing names.
 * `offset 0` keeps a hash from being computed once for each place where it stands.
 */
export function massStep({ rows, names, fixed, namespaces, mass, log }: MassStep): string {
  const lists = rows.map((table) => {
    const hashes = names.map((name) => `select hashtextextended((${name}) collate "C", 0) as hash from ${table} as r`);
    return `select (r.hash & 255)::integer, array_agg(r.hash)
from (
  ${hashes.join('\n  union all\n  ')}
  offset 0
) as r
where r.hash is not null
group by 1`;
  });
  const kinds = [
    ...fixed.map((name) => `(${name}, 'delete')`),
    ...namespaces.map((namespace) => `(${literal(namespaceName(namespace))}, 'written')`),
  ];
  return `insert into ${mass} (bucket, hashes)
${lists.join('\nunion\n')};
insert into ${log} as i (name, kind)
values ${kinds.join(', ')}
on conflict (name, xid) do update set kind = excluded.kind, at = excluded.at
where i.kind <> 'delete' and excluded.kind = 'delete';`;
}
