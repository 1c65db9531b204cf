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
  ), given as materialized (
  select given.id collate "C" as id, given.n, given.by, given.least, given.most, given.ttl_ms
  from unnest($1::text[], $2::numeric[], $3::numeric[], $4::numeric[], $5::float8[])
    with ordinality as given (id, by, least, most, ttl_ms, n)
), judged as materialized (
  select given.*, e.written_at, e.encoding,
    coalesce(life.state, 'new') as state,
    case when life.state = 'goes on' then (
      select held.number
      from (select case
      when coalesce(e.encoding, 'json') in ('counter', 'json') and length(e.value) <= 20
        and encode(e.value, 'escape') ~ '^-?[0-9]{1,19}$' then convert_from(e.value, 'UTF8')::numeric
    end as number) as held
      where held.number between -9223372036854775808 and 9223372036854775807
    ) else 0 end as number
  from given
  cross join moment
  left join "My ""Schema"""."Ünï cache" as e on e.id = given.id
  left join lateral (
    select case
      when least(date_part('epoch', e.expiresattime), verdict.invalidated) > moment.epoch then 'goes on'
      else 'new'
    end as state
    from (
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
            select scope.name collate "C" from unnest($6::text[]) as scope (name)
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
            select scope.name collate "C" from unnest($6::text[]) as scope (name)
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
            select scope.name collate "C" from unnest($6::text[]) as scope (name)
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
    where e.id is not null
  ) as life on true
), stored as (
  insert into "My ""Schema"""."Ünï cache" as e (id, value, expiresattime, encoding, stored_as, snapshot, written_at)
  select judged.id, convert_to(judged.by::text, 'UTF8'),
    case
      when judged.state = 'goes on' then '-infinity'::timestamptz
      else to_timestamp(coalesce(moment.epoch + judged.ttl_ms / 1000, 'Infinity'))
    end,
    'counter', 'text',
    moment.snapshot,
    case when judged.state = 'goes on' then judged.written_at else to_timestamp(moment.epoch) end
  from judged
  cross join moment
  where judged.number between judged.least and judged.most
  order by judged.id
  on conflict (id) do update set
    value = case
      when excluded.expiresattime = '-infinity'::timestamptz
        then convert_to((case
      when coalesce(e.encoding, 'json') in ('counter', 'json') and length(e.value) <= 20
        and encode(e.value, 'escape') ~ '^-?[0-9]{1,19}$' then convert_from(e.value, 'UTF8')::numeric
    end + ($2::numeric[])[array_position($1::text[], e.id::text)])::text, 'UTF8')
      else excluded.value
    end,
    encoding = excluded.encoding, stored_as = excluded.stored_as, writer_xid = pg_current_xact_id(), load_ms = null,
    expiresattime = case when excluded.expiresattime = '-infinity'::timestamptz then e.expiresattime else excluded.expiresattime end,
    slidingexpirationinseconds = case when excluded.expiresattime = '-infinity'::timestamptz then e.slidingexpirationinseconds end,
    absoluteexpiration = case when excluded.expiresattime = '-infinity'::timestamptz then e.absoluteexpiration end,
    sliding_ms = case when excluded.expiresattime = '-infinity'::timestamptz then e.sliding_ms end,
    tags = case when excluded.expiresattime = '-infinity'::timestamptz then e.tags end,
    snapshot = excluded.snapshot, written_at = excluded.written_at,
    stale_until = null, refresh_at = null, retry_at = null, grace_ms = 0
  where case
    when excluded.expiresattime = '-infinity'::timestamptz then e.written_at is not distinct from excluded.written_at
      and e.expiresattime > clock_timestamp()
      and case
      when coalesce(e.encoding, 'json') in ('counter', 'json') and length(e.value) <= 20
        and encode(e.value, 'escape') ~ '^-?[0-9]{1,19}$' then convert_from(e.value, 'UTF8')::numeric
    end
        between ($3::numeric[])[array_position($1::text[], e.id::text)] and ($4::numeric[])[array_position($1::text[], e.id::text)]
    else pg_visible_in_snapshot(e.writer_xid, excluded.snapshot)
  end
  returning e.id, e.expiresattime, convert_from(e.value, 'UTF8') as result
), logged as (
  insert into "My ""Schema"""."Ünï cache_invalidations" as i (name, kind)
  select 'k|' || judged.id, 'written'
  from judged
  where not (pg_notification_queue_usage() < 0.5) and (judged.state = 'new' or judged.encoding is distinct from 'counter')
  on conflict (name, xid) do nothing
)

  select 0::bigint as n, moment.snapshot::text as body,
    concat_ws(' ', moment.began::text, moment.incarnation, pg_current_xact_id()::text) as meta
  from moment
where (
    select count(pg_notify($7::text, pg_current_xact_id()::text || ' ' || message.hashes))
    from unnest(array(
        select ($8::text[])[judged.n] from judged where (judged.state = 'new' or judged.encoding is distinct from 'counter')
      )) as message (hashes)
    where pg_notification_queue_usage() < 0.5
  ) >= 0
union all
select judged.n,
  case
    when judged.number is null then 'not-a-number'
    when judged.number not between judged.least and judged.most then 'overflow'
    when stored.id is null or stored.expiresattime = '-infinity'::timestamptz then 'again'
    else 'counted'
  end,
  coalesce(stored.result, judged.number::text)
from judged
left join stored on stored.id = judged.id
