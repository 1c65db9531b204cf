/** The names of Keepsake's objects in a database: any schema, prefix and table name, always quoted. */
import { createHash } from 'node:crypto';
import { type RawBuilder, sql } from 'kysely';
import { ConfigurationError } from '../errors.js';

/** What the user chose. */
export interface NameOptions {
  readonly schema: string;
  readonly table: string;
  readonly prefix: string;
}

/** The tables of one cache. Indexes and constraints are named after their table, so that two caches share a schema. */
export interface TableNames {
  readonly schema: string;
  /** The entries. */
  readonly entries: string;
  /** The invalidation log. */
  readonly invalidations: string;
  /** Invalidations of very many names at once. */
  readonly mass: string;
  /** The incarnation. */
  readonly boot: string;
  /** What must survive a crash and is not an invalidation. */
  readonly meta: string;
  /** The right to load a key. */
  readonly leases: string;
  /** Who holds which name. */
  readonly locks: string;
  /** What operators say about use cases while the program runs. */
  readonly policies: string;
  /** What could be seen when: the sweeper's. */
  readonly marks: string;
  /** Bookkeeping of Kysely's Migrator. */
  readonly migrations: string;
  readonly migrationLock: string;
}

/** PostgreSQL cuts longer identifiers silently (NAMEDATALEN - 1), which could make two names one. */
const MAX_IDENTIFIER_BYTES = 63;

/** The longest thing that is appended to a table's name. */
const LONGEST_SUFFIX = '_invalidations_xid_idx';

/** Names every object. Throws ConfigurationError (`INVALID_OPTION`) for names PostgreSQL cannot hold. */
export function tableNames({ schema, table, prefix }: NameOptions): TableNames {
  check('schema', schema, MAX_IDENTIFIER_BYTES);
  const entries = prefix + table;
  check('prefix and table', entries, MAX_IDENTIFIER_BYTES - LONGEST_SUFFIX.length);
  return {
    schema,
    entries,
    invalidations: `${entries}_invalidations`,
    mass: `${entries}_mass`,
    boot: `${entries}_boot`,
    meta: `${entries}_meta`,
    leases: `${entries}_leases`,
    locks: `${entries}_locks`,
    policies: `${entries}_policies`,
    marks: `${entries}_marks`,
    migrations: `${entries}_migrations`,
    migrationLock: `${entries}_migration_lock`,
  };
}

/** The channel of a cache when its user names none: of its table, so that others are not woken for nothing. */
export function channelName({ schema, entries }: TableNames, given: string | undefined): string {
  if (given !== undefined) {
    check('channel', given, MAX_IDENTIFIER_BYTES);
    return given;
  }
  const name = `keepsake:${schema}.${entries}`;
  if (Buffer.byteLength(name) <= MAX_IDENTIFIER_BYTES) return name;
  return `keepsake:${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

/** The channel on which events are published, beside that of invalidations: `keepsake:public.cache:events`. */
export function eventChannelName(channel: string): string {
  const name = `${channel}:events`;
  if (Buffer.byteLength(name) <= MAX_IDENTIFIER_BYTES) return name;
  return `keepsake:events:${createHash('sha256').update(channel).digest('hex').slice(0, 32)}`;
}

function check(option: string, name: string, most: number): void {
  const bytes = Buffer.byteLength(name);
  if (bytes > 0 && bytes <= most && !name.includes('\0')) return;
  throw new ConfigurationError(
    'INVALID_OPTION',
    `Expected \`${option}\` to be 1 to ${most} bytes without NUL, got \`${name}\` (${bytes} bytes)`,
  );
}

/** Tables as quoted identifiers, for SQL templates. */
export interface Tables {
  readonly entries: RawBuilder<unknown>;
  readonly invalidations: RawBuilder<unknown>;
  readonly mass: RawBuilder<unknown>;
  /** The function that looks tags up in `mass`. */
  readonly massHides: RawBuilder<unknown>;
  readonly boot: RawBuilder<unknown>;
  readonly meta: RawBuilder<unknown>;
  readonly leases: RawBuilder<unknown>;
  readonly locks: RawBuilder<unknown>;
  readonly policies: RawBuilder<unknown>;
  readonly marks: RawBuilder<unknown>;
}

/** Quotes the names for SQL templates; the schema is always written, so that search_path decides nothing. */
export function quoted(names: TableNames): Tables {
  return {
    entries: sql.id(names.schema, names.entries),
    invalidations: sql.id(names.schema, names.invalidations),
    mass: sql.id(names.schema, names.mass),
    massHides: sql.id(names.schema, `${names.mass}_hides`),
    boot: sql.id(names.schema, names.boot),
    meta: sql.id(names.schema, names.meta),
    leases: sql.id(names.schema, names.leases),
    locks: sql.id(names.schema, names.locks),
    policies: sql.id(names.schema, names.policies),
    marks: sql.id(names.schema, names.marks),
  };
}

/** The functions that triggers of watched tables call: one escapes values in tags, one cuts and hashes tags. */
export function functionNames({
  entries,
}: Pick<TableNames, 'entries'>): Readonly<Record<'escape' | 'storedTag', string>> {
  return { escape: `${entries}_escape`, storedTag: `${entries}_stored_tag` };
}

/** The same as quoted identifiers, for SQL templates. */
export function quotedFunctions(names: TableNames): Readonly<Record<'escape' | 'storedTag', RawBuilder<unknown>>> {
  const { escape: escaping, storedTag } = functionNames(names);
  return { escape: sql.id(names.schema, escaping), storedTag: sql.id(names.schema, storedTag) };
}
