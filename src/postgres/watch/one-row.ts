/**
 * The step of a trigger function for statements that changed one row, as most do. Of what a small statement costs, nearly all is starting and ending
 * the nodes of its plan: here are as few as will do, and nothing is sorted or made distinct. It logs nothing, and says so by `found`, when
 * there are other rows than one, when a name has changed, or when the transaction has logged something before.
 */

/** What the step is made of; expressions are SQL. */
export interface OneRowStep {
  /** The transition table that decides, with the alias `n`, and the other one, with the alias `o`, if there are two. */
  readonly rows: readonly [string, ...string[]];
  /** Those of them in which there could be more than one row. */
  readonly counted: readonly string[];
  /** The log's names, those of a row by `n`; null is none. */
  readonly names: readonly string[];
  /** Whether two of the names can be one and the same. */
  readonly mayRepeat: boolean;
  /** What has to be true for the names of `o` to be those of `n`. */
  readonly same: readonly string[];
  /** Quoted name of the table. */
  readonly log: string;
}

/** One statement. */
export function oneRowStep({ rows, counted, names, mayRepeat, same, log }: OneRowStep): string {
  const [first, second] = rows;
  const conditions = [
    ...(second === undefined ? [] : same),
    'v.name is not null',
    ...counted.map((table) => `not exists (select from ${table} offset 1)`),
    `not exists (select from ${log} as own where own.xid = pg_current_xact_id())`,
  ];
  return `insert into ${log} as i (name, kind)
select ${mayRepeat ? 'distinct v.name' : 'v.name'}, 'delete'
from ${first} as n${second === undefined ? '' : `\ncross join ${second} as o`}
cross join lateral (values ${names.map((name) => `((${name}) collate "C")`).join(', ')}) as v (name)
where ${conditions.join('\n  and ')};`;
}
