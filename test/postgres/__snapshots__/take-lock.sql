with wanted as materialized (
  select wanted.name collate "C" as name, wanted.holder, wanted.ms, wanted.n
  from unnest($1::text[], $2::text[], $3::float8[]) with ordinality as wanted (name, holder, ms, n)
), taken as (
  insert into "My ""Schema"""."Ünï cache_locks" as lock (name, holder, held_until)
  select wanted.name, wanted.holder, clock_timestamp() + wanted.ms * interval '1 millisecond'
  from wanted
  order by wanted.name
  on conflict (name) do update set holder = excluded.holder, held_until = excluded.held_until, fence = default
  where lock.held_until <= clock_timestamp()
  returning lock.name, lock.fence, clock_timestamp() - statement_timestamp() as took
)
select wanted.n, taken.fence
from taken
join wanted on wanted.name = taken.name
where taken.took < interval '30 seconds'
