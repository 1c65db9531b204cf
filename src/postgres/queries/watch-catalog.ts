/** What must be known of a table, and of the cache's, before it is watched. */
import { sql } from 'kysely';
import { type Statement, statement } from '../statement.js';

/**
 * `$1` schema and `$2` name of the table; `$3` schema of the cache, `$4` name of its log, `$5` of its mass invalidations, `$6` and `$7` of its
 * functions, `$8` the beginning of the names of trigger functions. One text comes back: JSON, in which `table` and `log` are null when there is no such thing.
 *
 * All parameters are texts, each stands once and in order: other people's drivers send it.
 */
export const watchCatalogStatement: Statement = statement(
  'watch_catalog',
  'read',
  sql`with recursive given as materialized (
  select $1::text as schema, $2::text as name, $3::text as cache_schema, $4::text as log, $5::text as mass,
    $6::text as escape, $7::text as stored_tag, $8::text as functions_begin
), target as materialized (
  select c.*
  from given
  join pg_catalog.pg_namespace as n on n.nspname = given.schema
  join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = given.name
  where c.relkind in ('r', 'p', 'v', 'm', 'f')
), tree as (
  select target.oid from target
  union
  select i.inhrelid from tree join pg_catalog.pg_inherits as i on i.inhparent = tree.oid
), log as materialized (
  select c.*, n.oid as schema_oid
  from given
  join pg_catalog.pg_namespace as n on n.nspname = given.cache_schema
  join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = given.log
), mass as materialized (
  select c.oid
  from given
  join log on true
  join pg_catalog.pg_class as c on c.relnamespace = log.schema_oid and c.relname = given.mass
), own as materialized (
  select t.tgrelid, t.tgname, t.tgenabled, t.tgargs, p.oid as function_oid, p.proname, p.prosrc
  from tree
  join pg_catalog.pg_trigger as t on t.tgrelid = tree.oid and not t.tgisinternal
  join pg_catalog.pg_proc as p on p.oid = t.tgfoid
  join log on log.schema_oid = p.pronamespace
  cross join given
  where starts_with(p.proname, given.functions_begin)
)
select json_build_object(
  'table', (
    select json_build_object(
      'kind', target.relkind,
      'persistence', target.relpersistence,
      'owned', pg_has_role(target.relowner, 'usage'),
      'columns', (
        select json_agg(json_build_object(
          'name', a.attname,
          'type', base.typname,
          'oid', base.oid::int8,
          'typeName', (select quote_ident(n.nspname) || '.' || quote_ident(base.typname) from pg_catalog.pg_namespace as n where n.oid = base.typnamespace),
          'typeKind', base.typtype,
          'shown', format_type(a.atttypid, a.atttypmod),
          'scale', case
            when base.typname = 'numeric' and greatest(a.atttypmod, held.typtypmod) >= 4
            then (greatest(a.atttypmod, held.typtypmod) - 4) & 2047
          end,
          'collation', (select l.collisdeterministic from pg_catalog.pg_collation as l where l.oid = a.attcollation)
        ) order by a.attnum)
        from pg_catalog.pg_attribute as a
        join pg_catalog.pg_type as held on held.oid = a.atttypid
        cross join lateral (
          with recursive domains as (
            select held.oid, held.typname, held.typnamespace, held.typtype, held.typbasetype
            union all
            select t.oid, t.typname, t.typnamespace, t.typtype, t.typbasetype
            from domains
            join pg_catalog.pg_type as t on t.oid = domains.typbasetype and domains.typtype = 'd'
          )
          select domains.oid, domains.typname, domains.typnamespace, domains.typtype from domains where domains.typtype <> 'd'
        ) as base
        where a.attrelid = target.oid and a.attnum > 0 and not a.attisdropped
      ),
      'primaryKey', (
        select json_agg(a.attname order by k.n)
        from pg_catalog.pg_index as x
        cross join lateral unnest(x.indkey[0:x.indnkeyatts - 1]) with ordinality as k (attnum, n)
        join pg_catalog.pg_attribute as a on a.attrelid = x.indrelid and a.attnum = k.attnum
        where x.indrelid = target.oid and x.indisprimary
      ),
      'readable', has_schema_privilege(target.relnamespace, 'usage')
        and (has_table_privilege(target.oid, 'select') or has_any_column_privilege(target.oid, 'select')),
      'uniqueKeys', (
        select coalesce(json_agg((
          select json_agg(a.attname)
          from pg_catalog.pg_attribute as a
          where a.attrelid = x.indrelid and a.attnum = any (x.indkey[0:x.indnkeyatts - 1])
        )), '[]')
        from pg_catalog.pg_index as x
        where x.indrelid = target.oid and x.indisunique and x.indpred is null and x.indexprs is null
      ),
      'relations', (
        select json_agg(json_build_object(
          'schema', n.nspname,
          'name', c.relname,
          'kind', c.relkind,
          'owned', pg_has_role(c.relowner, 'usage'),
          'width', c.relnatts,
          'root', c.oid = target.oid
        ) order by c.oid = target.oid desc, n.nspname, c.relname)
        from tree
        join pg_catalog.pg_class as c on c.oid = tree.oid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      ),
      'triggers', (
        select coalesce(json_agg(json_build_object(
          'schema', n.nspname,
          'table', c.relname,
          'name', own.tgname,
          'enabled', own.tgenabled,
          'argument', encode(own.tgargs, 'escape'),
          'function', own.proname,
          'source', own.prosrc
        ) order by n.nspname, c.relname, own.tgname), '[]')
        from own
        join pg_catalog.pg_class as c on c.oid = own.tgrelid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      )
    )
    from target
  ),
  'log', (
    select json_build_object(
      'owner', pg_get_userbyid(log.relowner),
      'canGive', pg_has_role(log.relowner, 'member') and has_schema_privilege(log.relowner, log.schema_oid, 'create'),
      'canCreate', has_schema_privilege(log.schema_oid, 'create'),
      'canLog', has_schema_privilege(log.schema_oid, 'usage') and has_table_privilege(log.oid, 'select')
        and has_table_privilege(log.oid, 'insert') and has_table_privilege(log.oid, 'update')
        and coalesce((select has_table_privilege(mass.oid, 'insert') from mass), false),
      'mass', exists (select from mass),
      'functions', (
        select count(*)
        from pg_catalog.pg_proc as p
        cross join given
        where p.pronamespace = log.schema_oid and p.proname in (given.escape, given.stored_tag)
      )
    )
    from log
  )
)::text`,
);
