select null::text collate "C" as id, pg_current_snapshot()::text as body,
  concat_ws(' ', date_part('epoch', transaction_timestamp()), date_part('epoch', clock_timestamp()),
    coalesce((
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
      ), '0'::xid8),
    (
        select concat_ws(':', boot.tableoid::text, boot.id::text, date_part('epoch', pg_postmaster_start_time())::text)
        from "My ""Schema"""."Ünï cache_boot" as boot
      )
  ) as meta
union all
select e.id, case e.stored_as
    when 'text' then convert_from(e.value, 'UTF8')
    else encode(e.value, 'base64')
  end,
  case
    when e."refresh_at" is null and e."retry_at" is null and e."sliding_ms" is null and e."slidingexpirationinseconds" is null and e."absoluteexpiration" is null
      and e.stored_as = 'text' and e.encoding in ('json', 'superjson')
      and e.written_at is not null and coalesce(e.stale_until, e.expiresattime) = e.expiresattime
    then case e.encoding when 'json' then 'j' else 's' end
      || encode(timestamptz_send(e.expiresattime) || timestamptz_send(e.written_at), 'hex')
      || pg_snapshot_xmin(e.snapshot)::text || coalesce(e.tags::text, '')
    else concat_ws(' ',
    date_part('epoch', e.expiresattime),
    coalesce(date_part('epoch', e.refresh_at), 'infinity'),
    date_part('epoch', coalesce(e.stale_until, e.expiresattime)),
    coalesce(date_part('epoch', e.retry_at), 0),
    coalesce(e.sliding_ms, e.slidingexpirationinseconds * 1000, 'NaN'),
    coalesce(date_part('epoch', e.absoluteexpiration), 'infinity'),
    coalesce(date_part('epoch', e.written_at), 'NaN'),
    pg_snapshot_xmin(e.snapshot),
    e.stored_as,
    array_to_json(array_prepend(e.encoding, e.tags))
  )
  end
from "My ""Schema"""."Ünï cache" as e
where e.id = any($1::text[]) and coalesce(e.stale_until, e.expiresattime) > clock_timestamp()
