with moment as materialized (
    select
      pg_current_snapshot() as snapshot,
      date_part('epoch', transaction_timestamp()) as began,
      date_part('epoch', clock_timestamp()) as epoch,
      (
        select concat_ws(':', boot.tableoid::text, boot.id::text, date_part('epoch', pg_postmaster_start_time())::text)
        from "My ""Schema"""."Ünï cache_boot" as boot
      ) as incarnation,
      (
      select logged.xid
      from (
        select edge.xid as high, lead(edge.xid, 1, '0'::xid8) over (order by edge.xid desc) as low
        from (
          select pg_snapshot_xmax(pg_current_snapshot()) as xid
          union all
          select running.xid from pg_snapshot_xip(pg_current_snapshot()) as running (xid)
        ) as edge
      ) as gap
      cross join lateral (
        select i.xid
        from "My ""Schema"""."Ünï cache_invalidations" as i
        where i.xid > gap.low and i.xid < gap.high
        order by i.xid desc
        limit 1
      ) as logged
      order by gap.high desc
      limit 1
      ) as newest
  ), wanted as materialized (
  select wanted.id collate "C" as id, wanted.n from unnest($1::text[]) with ordinality as wanted (id, n)
), logged as (
  insert into "My ""Schema"""."Ünï cache_invalidations" as i (name, kind)
  select 'k|' || wanted.id, 'delete' from wanted
  on conflict (name, xid) do update set kind = 'delete', at = excluded.at
), served as materialized (
  select wanted.n, least(
      date_part('epoch', coalesce(e.stale_until, e.expiresattime)),
      verdict.invalidated + e.grace_ms / 1000
    ) > moment.epoch and verdict.invalidated is distinct from '-Infinity'::float8 as existed
  from wanted
  join "My ""Schema"""."Ünï cache" as e on e.id = wanted.id
  cross join moment
  cross join lateral (
    select case
      when moment.newest is null or moment.newest < pg_snapshot_xmin(e.snapshot) then null
      when moment.newest < pg_snapshot_xmax(e.snapshot) and not exists (
        select
        from pg_snapshot_xip(e.snapshot) as running (xid)
        cross join lateral (
          select from "My ""Schema"""."Ünï cache_invalidations" as i where i.xid = running.xid limit 1
        ) as logged
        where pg_visible_in_snapshot(running.xid, moment.snapshot)
      ) then null
      when coalesce((
        select m.xid from "My ""Schema"""."Ünï cache_mass" as m order by m.xid desc limit 1
      ), '0'::xid8) >= pg_snapshot_xmin(e.snapshot) and "My ""Schema"""."Ünï cache_mass_hides"(e.tags, e.snapshot, e.writer_xid) then '-Infinity'::float8
      when not exists (
        select from
          (
            select ('k|' || e.id) collate "C" as name
            union all
            select ('t|' || tag.tag) collate "C" from unnest(e.tags) as tag (tag)
            union all
            select scope.name collate "C" from unnest($2::text[]) as scope (name)
          ) as named
          cross join lateral (
            (
              select i.kind, i.at
              from "My ""Schema"""."Ünï cache_invalidations" as i
              where (i.name, i.xid) >= (named.name, pg_snapshot_xmax(e.snapshot)) and (i.name, i.xid) <= (named.name, '18446744073709551615'::xid8) and i.kind <> 'written' and i.xid <> e.writer_xid
              offset 0
            )
            union all
            select late.kind, late.at
            from pg_snapshot_xip(e.snapshot) as running (xid)
            cross join lateral (
              select i.kind, i.at
              from "My ""Schema"""."Ünï cache_invalidations" as i
              where (i.name, i.xid) >= (named.name, running.xid) and (i.name, i.xid) <= (named.name, running.xid) and i.kind <> 'written' and i.xid <> e.writer_xid
              offset 0
            ) as late
          ) as hit
      ) then null
      when exists (
        select from
          (
            select ('k|' || e.id) collate "C" as name
            union all
            select ('t|' || tag.tag) collate "C" from unnest(e.tags) as tag (tag)
            union all
            select scope.name collate "C" from unnest($2::text[]) as scope (name)
          ) as named
          cross join lateral (
            (
              select i.kind, i.at
              from "My ""Schema"""."Ünï cache_invalidations" as i
              where (i.name, i.xid) >= (named.name, pg_snapshot_xmax(e.snapshot)) and (i.name, i.xid) <= (named.name, '18446744073709551615'::xid8) and i.kind = 'delete' and i.xid <> e.writer_xid
              offset 0
            )
            union all
            select late.kind, late.at
            from pg_snapshot_xip(e.snapshot) as running (xid)
            cross join lateral (
              select i.kind, i.at
              from "My ""Schema"""."Ünï cache_invalidations" as i
              where (i.name, i.xid) >= (named.name, running.xid) and (i.name, i.xid) <= (named.name, running.xid) and i.kind = 'delete' and i.xid <> e.writer_xid
              offset 0
            ) as late
          ) as hit
      ) then '-Infinity'::float8
      else (
        select min(date_part('epoch', hit.at)) from
          (
            select ('k|' || e.id) collate "C" as name
            union all
            select ('t|' || tag.tag) collate "C" from unnest(e.tags) as tag (tag)
            union all
            select scope.name collate "C" from unnest($2::text[]) as scope (name)
          ) as named
          cross join lateral (
            (
              select i.kind, i.at
              from "My ""Schema"""."Ünï cache_invalidations" as i
              where (i.name, i.xid) >= (named.name, pg_snapshot_xmax(e.snapshot)) and (i.name, i.xid) <= (named.name, '18446744073709551615'::xid8) and i.kind = 'expire' and i.xid <> e.writer_xid
              offset 0
            )
            union all
            select late.kind, late.at
            from pg_snapshot_xip(e.snapshot) as running (xid)
            cross join lateral (
              select i.kind, i.at
              from "My ""Schema"""."Ünï cache_invalidations" as i
              where (i.name, i.xid) >= (named.name, running.xid) and (i.name, i.xid) <= (named.name, running.xid) and i.kind = 'expire' and i.xid <> e.writer_xid
              offset 0
            ) as late
          ) as hit
      )
    end as invalidated
    offset 0
  ) as verdict
), locked as materialized (
  select e.id
  from wanted
  join "My ""Schema"""."Ünï cache" as e on e.id = wanted.id
  for update of e skip locked
), removed as (
  delete from "My ""Schema"""."Ünï cache" as e using locked where e.id = locked.id
)

  select 0::bigint as n, moment.snapshot::text as body,
    concat_ws(' ', moment.began::text, moment.incarnation, pg_current_xact_id()::text) as meta
  from moment
where (
    select count(pg_notify($3::text, pg_current_xact_id()::text || ' ' || message.hashes))
    from unnest($4::text[]) as message (hashes)
    where pg_notification_queue_usage() < 0.5
  ) >= 0
union all
select served.n, 'existed', null
from served
where served.existed
