/**
 * Watched tables: two functions that the triggers of watched tables call, and one check less on the log.
 *
 * Locks: ACCESS EXCLUSIVE on the log, for the moment it takes to drop a constraint; it waits for transactions that have invalidated
 * something and are still open.
 */
import { type Kysely, type Migration, sql } from 'kysely';
import type { MigrationContext } from './migration-context.js';

export function watchedTables(context: MigrationContext): Migration {
  return {
    async up(db: Kysely<unknown>): Promise<void> {
      for (const change of [createEscape, createStoredTag, dropKindCheck]) await change(context).execute(db);
    },
  };
}

/**
 * A value as part of a tag, as key templates escape it: `%`, `:`, `(`, control characters and `boundary`, the character that follows
 * the value ('' = none), as `%` and two hexadecimal digits or `%u` and four, for each UTF-16 code unit. Whole texts are replaced in, as
 * values may be megabytes long; only a boundary that occurs in escapes themselves needs a look at each character.
 */
const createEscape = ({ functions }: MigrationContext) => sql`
  create function ${functions.escape}(value text, boundary text) returns text
  language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp
  as $body$
  declare
    escaped_boundary text := case
      when boundary = '' then ''
      when ascii(boundary) < 256 then '%' || upper(lpad(to_hex(ascii(boundary)), 2, '0'))
      when ascii(boundary) < 65536 then '%u' || upper(lpad(to_hex(ascii(boundary)), 4, '0'))
      else '%u' || upper(to_hex(55296 + ((ascii(boundary) - 65536) >> 10)))
        || '%u' || upper(to_hex(56320 + ((ascii(boundary) - 65536) & 1023)))
    end;
  begin
    value := value collate "C";
    if boundary collate "C" ~ '^[0-9A-Fu]$' then
      return coalesce((
        select string_agg(
          case
            when part.c = boundary then escaped_boundary
            when part.c ~ E'[%:(\\u0001-\\u001f\\u007f-\\u009f]' then '%' || upper(lpad(to_hex(ascii(part.c)), 2, '0'))
            else part.c
          end, '' order by part.n)
        from regexp_split_to_table(value collate "C", '') with ordinality as part (c, n)
      ), '');
    end if;
    value := replace(replace(replace(value, '%', '%25'), ':', '%3A'), '(', '%28');
    if value collate "C" ~ E'[\\u0001-\\u001f\\u007f-\\u009f]' then
      for code in 1..159 loop
        if code not between 32 and 126 then
          value := replace(value, chr(code), '%' || upper(lpad(to_hex(code), 2, '0')));
        end if;
      end loop;
    end if;
    if boundary in ('', '%', ':', '(') then
      return value;
    end if;
    return replace(value, boundary, escaped_boundary);
  end
  $body$`;

/** A tag with its namespace as it stands in entries and in the log: cut and hashed above 512 bytes, or when it looks as if it were. */
const createStoredTag = ({ functions }: MigrationContext) => sql`
  create function ${functions.storedTag}(tag text) returns text
  language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp
  as $body$
  declare
    bytes bytea;
    room int := 447;
  begin
    if octet_length(tag) <= 512 and (strpos(tag, '~') = 0 or tag collate "C" !~ '~[0-9a-f]{64}$') then
      return tag;
    end if;
    bytes := convert_to(tag, 'UTF8');
    -- No character is cut in two: what begins with the bits 10 goes on.
    while room < length(bytes) and get_byte(bytes, room) & 192 = 128 loop
      room := room - 1;
    end loop;
    return replace(convert_from(substring(bytes from 1 for room), 'UTF8'), chr(65533), '')
      || '~' || encode(sha256(bytes), 'hex');
  end
  $body$`;

/** PostgreSQL reads such a check anew for every statement, which is a tenth of what a watched table's update costs. Only we write there. */
const dropKindCheck = ({ tables, names }: MigrationContext) => sql`
  alter table ${tables.invalidations} drop constraint if exists ${sql.id(`${names.invalidations}_kind_check`)}`;
