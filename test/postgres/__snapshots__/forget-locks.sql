with gone as materialized (
  select lock.name
  from "My ""Schema"""."Ünï cache_locks" as lock
  where lock.held_until < clock_timestamp() - interval '1 minute'
  order by lock.name
  limit $1::int
  for update skip locked
)
delete from "My ""Schema"""."Ünï cache_locks" as lock using gone where lock.name = gone.name
