(
  select '' as name, pg_current_snapshot()::text as xid,
    (select boot.tableoid::text || ':' || boot.id::text from "My ""Schema"""."Ünï cache_boot" as boot) as incarnation
)
union all
(
  select late.name, late.xid::text, null
  from (
    (
      select i.name, i.xid from "My ""Schema"""."Ünï cache_invalidations" as i where i.xid >= pg_snapshot_xmax($1::pg_snapshot)
    )
    union all
    select ended.name, ended.xid
    from pg_snapshot_xip($1::pg_snapshot) as running (xid)
    cross join lateral (
      select i.name, i.xid from "My ""Schema"""."Ünï cache_invalidations" as i where i.xid = running.xid
    ) as ended
  ) as late
  limit $2::int
)
