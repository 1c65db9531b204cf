with mine as materialized (
  select lock.name, given.ms, given.n
  from unnest($1::text[], $2::text[], $3::float8[]) with ordinality as given (name, holder, ms, n)
  join "My ""Schema"""."Ünï cache_locks" as lock on lock.name = given.name
  where lock.holder = given.holder and lock.held_until > clock_timestamp()
  order by lock.name
  for no key update of lock
), held as (
  update "My ""Schema"""."Ünï cache_locks" as lock
  set held_until = clock_timestamp() + mine.ms * interval '1 millisecond'
  from mine
  where lock.name = mine.name
  returning mine.n
)
select held.n from held
