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
    $8::float8[], $9::float8[], $10::float8[], $11::float8[], $12::float8[], $13::float8[], $14::text[], $15::text[], $16::float8[]
  ) with ordinality as given (
    id, first, length, encoding, stored_as, tag_list,
    ttl_ms, expires_at_ms, sliding_ms, grace_ms, early_ms, load_ms, load_incarnation, load_snapshot, load_began, n
  )
  cross join moment
  cross join lateral (
    select coalesce(moment.epoch + given.ttl_ms / 1000, given.expires_at_ms / 1000, 'Infinity'::float8) as ceiling
  ) as top
  cross join lateral (
    select top.ceiling, least(top.ceiling, moment.epoch + given.sliding_ms / 1000) as fresh
  ) as life
), deadline as materialized (
  select meta.load_deadline_ms / 1000 as seconds from "My ""Schema"""."Ünï cache_meta" as meta
), judged as materialized (
  select input.*,
    case
      when moment.incarnation is distinct from input.load_incarnation then 'incarnation'
      when moment.epoch - input.load_began >= deadline.seconds then 'deadline'
      when case
      when moment.newest is null or moment.newest < pg_snapshot_xmin(input.load_snapshot::pg_snapshot) then null
      when moment.newest < pg_snapshot_xmax(input.load_snapshot::pg_snapshot) and not exists (
        select
        from pg_snapshot_xip(input.load_snapshot::pg_snapshot) as running (xid)
        cross join lateral (
          select from "My ""Schema"""."Ünï cache_invalidations" as i where i.xid = running.xid limit 1
        ) as logged
        where pg_visible_in_snapshot(running.xid, moment.snapshot)
      ) then null
      when coalesce((
        select m.xid from "My ""Schema"""."Ünï cache_mass" as m order by m.xid desc limit 1
      ), '0'::xid8) >= pg_snapshot_xmin(input.load_snapshot::pg_snapshot) and "My ""Schema"""."Ünï cache_mass_hides"(input.tags, input.load_snapshot::pg_snapshot, null::xid8) then true
      when exists (
        select from
          (
            select ('k|' || input.id) collate "C" as name
            union all
            select ('t|' || tag.tag) collate "C" from unnest(input.tags) as tag (tag)
            union all
            select scope.name collate "C" from unnest($17::text[]) as scope (name)
          ) as named
          cross join lateral (
            (
              select i.kind, i.at
              from "My ""Schema"""."Ünï cache_invalidations" as i
              where (i.name, i.xid) >= (named.name, pg_snapshot_xmax(input.load_snapshot::pg_snapshot)) and (i.name, i.xid) <= (named.name, '18446744073709551615'::xid8) and i.kind <> 'written'
              offset 0
            )
            union all
            select late.kind, late.at
            from pg_snapshot_xip(input.load_snapshot::pg_snapshot) as running (xid)
            cross join lateral (
              select i.kind, i.at
              from "My ""Schema"""."Ünï cache_invalidations" as i
              where (i.name, i.xid) >= (named.name, running.xid) and (i.name, i.xid) <= (named.name, running.xid) and i.kind <> 'written'
              offset 0
            ) as late
          ) as hit
      ) then true
    end then 'invalidated'
    end as refusal
  from input
  cross join moment
  cross join deadline
), stored as (
  insert into "My ""Schema"""."Ünï cache" as e (
    id, value, expiresattime, slidingexpirationinseconds, absoluteexpiration, encoding, stored_as, tags,
    snapshot, writer_xid, written_at, stale_until, refresh_at, retry_at, grace_ms, sliding_ms, load_ms
  )
  select 
    input.id, input.value, to_timestamp(input.fresh), ceil(input.sliding_ms / 1000)::bigint,
    case when input.sliding_ms is not null and input.ceiling < 'Infinity' then to_timestamp(input.ceiling) end,
    input.encoding, input.stored_as, input.tags,
    input.load_snapshot::pg_snapshot, pg_current_xact_id(), to_timestamp(input.epoch), to_timestamp(input.stale), to_timestamp(input.refresh),
    null::timestamptz, input.grace_ms, input.sliding_ms, input.load_ms
  from judged as input
  where input.refusal is null
  order by input.id collate "C"
  on conflict (id) do update set 
    value = excluded.value, expiresattime = excluded.expiresattime,
    slidingexpirationinseconds = excluded.slidingexpirationinseconds, absoluteexpiration = excluded.absoluteexpiration,
    encoding = excluded.encoding, stored_as = excluded.stored_as, tags = excluded.tags,
    snapshot = excluded.snapshot, writer_xid = excluded.writer_xid, written_at = excluded.written_at,
    stale_until = excluded.stale_until, refresh_at = excluded.refresh_at, retry_at = excluded.retry_at,
    grace_ms = excluded.grace_ms, sliding_ms = excluded.sliding_ms, load_ms = excluded.load_ms
  where (
    pg_visible_in_snapshot(e.writer_xid, excluded.snapshot)
    or e.load_ms is not null and coalesce(e.stale_until, e.expiresattime) <= clock_timestamp()
  ) and date_part('epoch', clock_timestamp()) - (
    select min(input.load_began) from judged as input where input.refusal is null
  ) < (select deadline.seconds from deadline)
  returning e.id
)

  select 0::bigint as n, moment.snapshot::text as body,
    concat_ws(' ', moment.began::text, moment.incarnation, pg_current_xact_id()::text) as meta
  from moment
union all
select input.n,
  case
    when input.refusal is not null then input.refusal
    when stored.id is not null then null
    when date_part('epoch', clock_timestamp()) - input.load_began >= deadline.seconds then 'deadline'
    else 'newer'
  end,
  concat_ws(' ',
    floor((input.fresh - input.epoch) * 1000 + 0.01),
    coalesce(floor((input.refresh - input.epoch) * 1000 + 0.01), 'Infinity'),
    floor((input.stale - input.epoch) * 1000 + 0.01),
    case when input.sliding_ms is null then 'Infinity' else floor((input.ceiling - input.epoch) * 1000 + 0.01) end
  )
from judged as input
cross join deadline
left join stored on stored.id = input.id
