insert into "My ""Schema"""."Ünï cache" as e (
    id, value, expiresattime, slidingexpirationinseconds, absoluteexpiration, encoding, stored_as, tags,
    snapshot, writer_xid, written_at, stale_until, refresh_at, retry_at, grace_ms, sliding_ms, load_ms
)
select 
    input.id, input.value, to_timestamp(input.fresh), ceil(input.sliding_ms / 1000)::bigint,
    case when input.sliding_ms is not null and input.ceiling < 'Infinity' then to_timestamp(input.ceiling) end,
    input.encoding, input.stored_as, input.tags,
    pg_current_snapshot(), pg_current_xact_id(), to_timestamp(input.epoch), to_timestamp(input.stale), to_timestamp(input.refresh),
    null::timestamptz, input.grace_ms, input.sliding_ms, input.load_ms
from (
    select $1::text as id, $2::bytea as value, $3::text as encoding, $4::text as stored_as, $5::text[] as tags,
      $8::float8 as sliding_ms, $9::float8 as grace_ms, $11::float8 as load_ms,
      moment.epoch,
      life.ceiling,
      life.fresh,
      life.fresh + $9::float8 / 1000 as stale,
      moment.epoch + $10::float8 / 1000 as refresh
    from (select date_part('epoch', clock_timestamp()) as epoch) as moment
    cross join lateral (
      select coalesce(moment.epoch + $6::float8 / 1000, $7::float8 / 1000, 'Infinity'::float8) as ceiling
    ) as top
    cross join lateral (
      select top.ceiling, least(top.ceiling, moment.epoch + $8::float8 / 1000) as fresh
    ) as life
  ) as input
where pg_notification_queue_usage() < 0.5
on conflict (id) do update set 
    value = excluded.value, expiresattime = excluded.expiresattime,
    slidingexpirationinseconds = excluded.slidingexpirationinseconds, absoluteexpiration = excluded.absoluteexpiration,
    encoding = excluded.encoding, stored_as = excluded.stored_as, tags = excluded.tags,
    snapshot = excluded.snapshot, writer_xid = excluded.writer_xid, written_at = excluded.written_at,
    stale_until = excluded.stale_until, refresh_at = excluded.refresh_at, retry_at = excluded.retry_at,
    grace_ms = excluded.grace_ms, sliding_ms = excluded.sliding_ms, load_ms = excluded.load_ms
returning pg_notify($12::text, e.writer_xid::text || ' ' || $13::text)::text as n, e.snapshot::text as body,
  concat_ws(' ', date_part('epoch', transaction_timestamp()), (
        select concat_ws(':', boot.tableoid::text, boot.id::text, date_part('epoch', pg_postmaster_start_time())::text)
        from "My ""Schema"""."Ünï cache_boot" as boot
      ), e.writer_xid) as meta,
  concat_ws(' ',
    floor((date_part('epoch', e.expiresattime) - date_part('epoch', e.written_at)) * 1000 + 0.01),
    coalesce(floor((date_part('epoch', e.refresh_at) - date_part('epoch', e.written_at)) * 1000 + 0.01), 'Infinity'),
    floor((date_part('epoch', e.stale_until) - date_part('epoch', e.written_at)) * 1000 + 0.01),
    coalesce(floor((date_part('epoch', e.absoluteexpiration) - date_part('epoch', e.written_at)) * 1000 + 0.01), 'Infinity')
  ) as times
