with moment as materialized (
    select
      pg_current_snapshot() as snapshot,
      date_part('epoch', transaction_timestamp()) as began,
      date_part('epoch', clock_timestamp()) as epoch,
      (
        select concat_ws(':', boot.tableoid::text, boot.id::text, date_part('epoch', pg_postmaster_start_time())::text)
        from "My ""Schema"""."Ünï cache_boot" as boot
      ) as incarnation
  ), input as materialized (
  select given.*,
    substring($2::bytea from given.first for given.length) as value,
    given.tag_list::text[] as tags,
    moment.epoch,
    life.ceiling,
    life.fresh,
    life.fresh + given.grace_ms / 1000 as stale,
    moment.epoch + given.early_ms / 1000 as refresh
  from unnest(
    $1::text[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[],
    $8::float8[], $9::float8[], $10::float8[], $11::float8[], $12::float8[], $13::float8[]
  ) with ordinality as given (
    id, first, length, encoding, stored_as, tag_list,
    ttl_ms, expires_at_ms, sliding_ms, grace_ms, early_ms, load_ms, n
  )
  cross join moment
  cross join lateral (
    select coalesce(moment.epoch + given.ttl_ms / 1000, given.expires_at_ms / 1000, 'Infinity'::float8) as ceiling
  ) as top
  cross join lateral (
    select top.ceiling, least(top.ceiling, moment.epoch + given.sliding_ms / 1000) as fresh
  ) as life
), stored as (
  insert into "My ""Schema"""."Ünï cache" as e (
    id, value, expiresattime, slidingexpirationinseconds, absoluteexpiration, encoding, stored_as, tags,
    snapshot, writer_xid, written_at, stale_until, refresh_at, retry_at, grace_ms, sliding_ms, load_ms
  )
  select 
    input.id, input.value, to_timestamp(input.fresh), ceil(input.sliding_ms / 1000)::bigint,
    case when input.sliding_ms is not null and input.ceiling < 'Infinity' then to_timestamp(input.ceiling) end,
    input.encoding, input.stored_as, input.tags,
    moment.snapshot, pg_current_xact_id(), to_timestamp(input.epoch), to_timestamp(input.stale), to_timestamp(input.refresh),
    null::timestamptz, input.grace_ms, input.sliding_ms, input.load_ms
  from input
  cross join moment
  order by input.id collate "C"
  on conflict (id) do update set 
    value = excluded.value, expiresattime = excluded.expiresattime,
    slidingexpirationinseconds = excluded.slidingexpirationinseconds, absoluteexpiration = excluded.absoluteexpiration,
    encoding = excluded.encoding, stored_as = excluded.stored_as, tags = excluded.tags,
    snapshot = excluded.snapshot, writer_xid = excluded.writer_xid, written_at = excluded.written_at,
    stale_until = excluded.stale_until, refresh_at = excluded.refresh_at, retry_at = excluded.retry_at,
    grace_ms = excluded.grace_ms, sliding_ms = excluded.sliding_ms, load_ms = excluded.load_ms
), logged as (
  insert into "My ""Schema"""."Ünï cache_invalidations" as i (name, kind)
  select 'k|' || input.id, 'written' from input where not (pg_notification_queue_usage() < 0.5)
  on conflict (name, xid) do nothing
)

  select 0::bigint as n, moment.snapshot::text as body,
    concat_ws(' ', moment.began::text, moment.incarnation, pg_current_xact_id()::text) as meta
  from moment
where (
    select count(pg_notify($14::text, pg_current_xact_id()::text || ' ' || message.hashes))
    from unnest($15::text[]) as message (hashes)
    where pg_notification_queue_usage() < 0.5
  ) >= 0
union all
select input.n, null, concat_ws(' ',
    floor((input.fresh - input.epoch) * 1000 + 0.01),
    coalesce(floor((input.refresh - input.epoch) * 1000 + 0.01), 'Infinity'),
    floor((input.stale - input.epoch) * 1000 + 0.01),
    case when input.sliding_ms is null then 'Infinity' else floor((input.ceiling - input.epoch) * 1000 + 0.01) end
  )
from input
