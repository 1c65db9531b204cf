with moment as materialized (
    select
      pg_current_snapshot() as snapshot,
      date_part('epoch', transaction_timestamp()) as began,
      date_part('epoch', clock_timestamp()) as epoch,
      (
        select concat_ws(':', boot.tableoid::text, boot.id::text, date_part('epoch', pg_postmaster_start_time())::text)
        from "My ""Schema"""."Ünï cache_boot" as boot
      ) as incarnation
  ), locked as materialized (
  select e.id, given.what, to_timestamp(moment.epoch + given.ms / 1000) as until
  from unnest($1::text[], $2::float8[], $3::text[], $4::text[], $5::text[]) as given (id, ms, incarnation, snapshot, what)
  join moment on moment.incarnation = given.incarnation
  join "My ""Schema"""."Ünï cache" as e on e.id = given.id and pg_visible_in_snapshot(e.writer_xid, given.snapshot::pg_snapshot)
  order by e.id
  for no key update of e
)
update "My ""Schema"""."Ünï cache" as e
set
  retry_at = case locked.what when 'load' then locked.until else e.retry_at end,
  refresh_at = case when locked.what = 'refresh' and e.refresh_at < locked.until then locked.until else e.refresh_at end
from locked
where e.id = locked.id
