/** The catalog: what our tables look like in this database. */
import { textArray } from '../arrays.js';
import type { RunOn } from '../executor.js';
import type { TableNames } from '../names.js';

/** A table, by what drift would change. */
export interface TableShape {
  readonly persistence: 'logged' | 'unlogged';
  /** Types by column, with `not null`. */
  readonly columns: Readonly<Record<string, string>>;
  /** Valid indexes: the columns, in order, and whether they are unique. */
  readonly indexes: Readonly<Record<string, 'unique' | 'plain'>>;
}

/** Our tables, by what they are for. */
export type TableRole = Exclude<keyof TableNames, 'schema' | 'migrations' | 'migrationLock'>;

/** Those of our tables that exist, without the Migrator's own. */
export async function readCatalog(run: RunOn, names: TableNames): Promise<ReadonlyMap<TableRole, TableShape>> {
  const roles = new Map<string, TableRole>();
  for (const [role, name] of Object.entries(names)) if (isRole(role)) roles.set(name, role);
  const rows = await run(SHAPES, [names.schema, textArray([...roles.keys()])]);
  const found = new Map<TableRole, TableShape>();
  for (const [table, persistence, columns, indexes] of rows) {
    const role = roles.get(table ?? '');
    if (role === undefined) continue;
    found.set(role, {
      persistence: persistence === 'u' ? 'unlogged' : 'logged',
      columns: JSON.parse(columns ?? '{}') as TableShape['columns'],
      indexes: JSON.parse(indexes ?? '{}') as TableShape['indexes'],
    });
  }
  return found;
}

function isRole(name: string): name is TableRole {
  return name !== 'schema' && name !== 'migrations' && name !== 'migrationLock';
}

const SHAPES = `
  select c.relname, c.relpersistence::text, columns.shape::text, indexes.shape::text
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  cross join lateral (
    select json_object_agg(
      a.attname, format_type(a.atttypid, null) || case when a.attnotnull then ' not null' else '' end order by a.attnum
    ) as shape
    from pg_catalog.pg_attribute as a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  ) as columns
  cross join lateral (
    select json_object_agg(i.columns, i.kind order by i.columns) as shape
    from (
      select (
          select string_agg(pg_get_indexdef(x.indexrelid, place, false), ', ' order by place)
          from generate_series(1, x.indnkeyatts) as place
        ) as columns,
        case when x.indisunique then 'unique' else 'plain' end as kind
      from pg_catalog.pg_index as x
      where x.indrelid = c.oid and x.indisvalid
    ) as i
  ) as indexes
  where n.nspname = $1::text and c.relname = any ($2::text[])
  order by c.relname`;
