/**
 * Programs that share the table: what .NET's Microsoft.Extensions.Caching.Postgres and Python's cache-postgres ask of PostgreSQL, as far as it
 * matters here. Written anew after their public sources; like they do, both tell the server what time it is.
 */
import type pg from 'pg';

/** How long an entry of theirs lives, in seconds. */
export interface ForeignLife {
  readonly sliding?: number;
  readonly absolute?: number;
  readonly tags?: readonly string[];
}

export interface ForeignProgram {
  createTable(): Promise<void>;
  set(id: string, value: string, life: ForeignLife): Promise<void>;
  /** Renews sliding, too. */
  get(id: string): Promise<string | undefined>;
  remove(id: string): Promise<void>;
  /** Removes what has expired, as both do every few minutes. */
  scan(): Promise<void>;
}

/** Seconds from now by the program's own clock. */
const at = (seconds: number | undefined): Date | null =>
  seconds === undefined ? null : new Date(Date.now() + seconds * 1000);

export function dotnet(client: pg.Client, table: string): ForeignProgram {
  return {
    async createTable() {
      await client.query(`create unlogged table ${table} (
        id varchar(449) collate "C" primary key, value bytea not null, expiresattime timestamptz not null,
        slidingexpirationinseconds bigint null, absoluteexpiration timestamptz null)`);
      await client.query(`create index ix_expiresattime on ${table} (expiresattime) with (deduplicate_items = true)`);
    },
    async set(id, value, { sliding, absolute }) {
      await client.query(
        `with given (sliding, absolute, now) as (values ($3::bigint, $4::timestamptz::timestamp, $5::timestamptz::timestamp))
         insert into ${table} (id, value, expiresAtTime, slidingExpirationInSeconds, absoluteExpiration)
         select $1, $2, case when sliding is null then absolute else now + interval '1 second' * sliding::bigint end,
           sliding::bigint, absolute from given
         on conflict (id) do update set value = excluded.value, expiresAtTime = excluded.expiresAtTime,
           slidingExpirationInSeconds = excluded.slidingExpirationInSeconds, absoluteExpiration = excluded.absoluteExpiration`,
        [id, Buffer.from(value), sliding ?? null, at(absolute), at(0)],
      );
    },
    async get(id) {
      await client.query(
        `update ${table} set expiresAtTime = case
           when extract(second from age(absoluteExpiration, $2)) <= slidingExpirationInSeconds then absoluteExpiration
           else $2 + interval '1 second' * slidingExpirationInSeconds end
         where id = $1 and expiresAtTime >= $2 and slidingExpirationInSeconds is not null
           and (absoluteExpiration is null or absoluteExpiration <> expiresAtTime)`,
        [id, at(0)],
      );
      const { rows } = await client.query<{ value: Buffer }>(
        `select value from ${table} where id = $1 and expiresAtTime >= $2`,
        [id, at(0)],
      );
      return rows[0]?.value.toString();
    },
    async remove(id) {
      await client.query(`delete from ${table} where id = $1`, [id]);
    },
    async scan() {
      await client.query(`delete from ${table} where expiresAtTime < $1`, [at(0)]);
    },
  };
}

export interface PythonProgram extends ForeignProgram {
  increment(id: string): Promise<number>;
  deleteTags(tags: readonly string[]): Promise<void>;
}

export function python(client: pg.Client, table: string): PythonProgram {
  return {
    async createTable() {
      await client.query(`create unlogged table ${table} (
        id varchar(449) collate "C" not null, value bytea not null, expiresattime timestamptz not null,
        slidingexpirationinseconds bigint null, absoluteexpiration timestamptz null, tags text[] null,
        constraint pk_cache primary key (id))`);
      await client.query(`create index ix_expiresattime on ${table} (expiresattime) with (deduplicate_items = true)`);
      await client.query(`create index ix_cache_tags on ${table} using gin (tags)`);
    },
    async set(id, value, { sliding, absolute, tags }) {
      await client.query(
        `insert into ${table} (id, value, expiresattime, slidingexpirationinseconds, absoluteexpiration, tags)
         values ($1::varchar(449), $2::bytea, $3::timestamptz, $4::bigint, $5::timestamptz, $6::text[])
         on conflict (id) do update set value = excluded.value, expiresattime = excluded.expiresattime,
           slidingexpirationinseconds = excluded.slidingexpirationinseconds,
           absoluteexpiration = excluded.absoluteexpiration, tags = excluded.tags`,
        [id, Buffer.from(value), at(sliding ?? absolute), sliding ?? null, at(absolute), tags ?? null],
      );
    },
    async get(id) {
      const { rows } = await client.query<{ value: Buffer }>(
        `update ${table} set expiresattime = case when slidingexpirationinseconds is not null
           then least($2 + slidingexpirationinseconds * interval '1 second', coalesce(absoluteexpiration, 'infinity'::timestamptz))
           else expiresattime end
         where id = $1 and expiresattime >= $2 returning value`,
        [id, at(0)],
      );
      return rows[0]?.value.toString();
    },
    async remove(id) {
      await client.query(`delete from ${table} where id = $1`, [id]);
    },
    async scan() {
      await client.query(`delete from ${table} where expiresattime < $1`, [at(0)]);
    },
    async increment(id) {
      const { rows } = await client.query<{ n: string }>(
        `insert into ${table} as c (id, value, expiresattime) values ($1, '1'::text::bytea, 'infinity')
         on conflict (id) do update set
           value = case when c.expiresattime < $2 then '1'::text::bytea
             else (coalesce(convert_from(c.value, 'UTF8')::bigint, 0) + 1)::text::bytea end,
           expiresattime = case when c.expiresattime < $2 then 'infinity'::timestamptz else c.expiresattime end
         returning convert_from(value, 'UTF8')::bigint as n`,
        [id, at(0)],
      );
      return Number(rows[0]?.n);
    },
    async deleteTags(tags) {
      await client.query(`delete from ${table} where tags @> $1::text[]`, [tags]);
    },
  };
}
