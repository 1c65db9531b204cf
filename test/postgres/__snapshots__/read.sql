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
  ), found as (
  select e.*, moment.epoch, verdict.invalidated,
    least(date_part('epoch', e.expiresattime), verdict.invalidated) as fresh,
    least(
      date_part('epoch', coalesce(e.stale_until, e.expiresattime)),
      verdict.invalidated + e.grace_ms / 1000
    ) as stale
  from unnest($1::text[]) as wanted (id)
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
  where date_part('epoch', coalesce(e.stale_until, e.expiresattime)) > moment.epoch
    and verdict.invalidated is distinct from '-Infinity'::float8
)
select null::text collate "C" as id, moment.snapshot::text as body,
  concat_ws(' ', moment.began, moment.epoch, coalesce(moment.newest, '0'::xid8), moment.incarnation) as meta
from moment
union all
select found.id, case found.stored_as
    when 'text' then convert_from(found.value, 'UTF8')
    else encode(found.value, 'base64')
  end,
  concat_ws(' ',
    found.fresh,
    coalesce(date_part('epoch', found.refresh_at), 'infinity'),
    found.stale,
    coalesce(date_part('epoch', found.retry_at), 0),
    coalesce(found.sliding_ms, found.slidingexpirationinseconds * 1000, 'NaN'),
    coalesce(date_part('epoch', found.absoluteexpiration), 'infinity'),
    coalesce(date_part('epoch', found.written_at), 'NaN'),
    pg_snapshot_xmin(found.snapshot),
    found.stored_as,
    array_to_json(array_prepend(found.encoding, found.tags))
  )
from found
where found.stale > found.epoch
