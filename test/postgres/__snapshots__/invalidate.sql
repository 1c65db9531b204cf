with logged as (
  insert into "My ""Schema"""."Ünï cache_invalidations" as i (name, kind)
  select given.name, given.kind from unnest($1::text[], $2::text[]) as given (name, kind)
  on conflict (name, xid) do update set kind = excluded.kind, at = excluded.at
  where i.kind <> 'delete' and excluded.kind = 'delete' or i.kind = 'written'
)
select pg_current_xact_id()::text
where (
    select count(pg_notify($3::text, pg_current_xact_id()::text || ' ' || message.hashes))
    from unnest($4::text[]) as message (hashes)
    where pg_notification_queue_usage() < 0.5
  ) >= 0
