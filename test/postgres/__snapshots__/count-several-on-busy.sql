with locked as materialized (
  select given.n, given.by, e.id
  from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
    with ordinality as given (id, by, least, most, n)
  join "My ""Schema"""."Ünï cache" as e on e.id = given.id
  where e.encoding = 'counter' and e.expiresattime > clock_timestamp()
  and coalesce((
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
      ), '0'::xid8) < pg_snapshot_xmin(e.snapshot)
  and case
    when length(e.value) <= 18 and e.value not in ('', '-')
      and rtrim(encode(e.value, 'escape'), '0123456789') in ('', '-')
      then convert_from(e.value, 'UTF8')::bigint between given.least and given.most
  end
  order by e.id collate "C"
  for update of e
)
update "My ""Schema"""."Ünï cache" as e set
  value = convert_to((convert_from(e.value, 'UTF8')::bigint + locked.by)::text, 'UTF8'), writer_xid = pg_current_xact_id()
from locked
where e.id = locked.id
returning locked.n, convert_from(e.value, 'UTF8') as number, pg_current_xact_id()::text as xid,
  pg_snapshot_xmin(pg_current_snapshot()) = pg_snapshot_xmax(pg_current_snapshot()) as is_quiet
