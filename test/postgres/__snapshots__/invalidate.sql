with logged as (
  insert into "My ""Schema"""."Ünï cache_invalidations" as i (name, kind)
  select given.name, given.kind from unnest($1::text[], $2::text[]) as given (name, kind)
  on conflict (name, xid) do update set kind = excluded.kind, at = excluded.at
  where i.kind <> 'delete' and excluded.kind = 'delete' or i.kind = 'written'
)
select pg_current_xact_id()::text
