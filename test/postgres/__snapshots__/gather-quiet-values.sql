with moment as materialized (
  select clock_timestamp() as at, coalesce((
      select i.xid
      from "My ""Schema"""."Ünï cache_invalidations" as i
      where i.xid < pg_snapshot_xmax(pg_current_snapshot())
      order by i.xid desc
      limit 1
    ), '0'::xid8) as newest
)
select null::text collate "C" as id, pg_current_snapshot()::text as body,
  concat_ws(' ', date_part('epoch', transaction_timestamp()), date_part('epoch', moment.at), moment.newest,
    (
        select concat_ws(':', boot.tableoid::text, boot.id::text, date_part('epoch', pg_postmaster_start_time())::text)
        from "My ""Schema"""."Ünï cache_boot" as boot
      )
  ) as meta, null as ends, null as others
from moment
union all
select lists.*
from unnest(string_to_array($1::text, e'\x02')) as slice (ids)
cross join lateral (
  select
    string_agg(e.id, e'\x01') filter (where e.is_certain),
    convert_from(string_agg(e.value, '\x01'::bytea) filter (where e.is_certain), 'UTF8'),
    string_agg(case e.encoding when 'json' then 'j' else 's' end, '') filter (where e.is_certain),
    encode(string_agg(timestamptz_send(e.expiresattime), '') filter (where e.is_certain), 'base64'),
    string_agg(e.id, e'\x01') filter (where not e.is_certain)
  from (
    select e.id, e.value, e.encoding, e.expiresattime, e.written_at, e.tags,
      e."refresh_at" is null and e."retry_at" is null and e."sliding_ms" is null and e."slidingexpirationinseconds" is null and e."absoluteexpiration" is null
      and e.stored_as = 'text' and e.encoding in ('json', 'superjson')
      and e.written_at is not null and coalesce(e.stale_until, e.expiresattime) = e.expiresattime
        and octet_length(e.value) <= 2048
        and pg_snapshot_xmin(e.snapshot) > (select moment.newest from moment) as is_certain
    from "My ""Schema"""."Ünï cache" as e
    where e.id = any(string_to_array(slice.ids, e'\x01')) and coalesce(e.stale_until, e.expiresattime) > (select moment.at from moment)
    offset 0
  ) as e
) as lists
