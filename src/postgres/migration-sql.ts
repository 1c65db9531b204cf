/**
 * Migrations as SQL: what applying them would run, for those who review or run it themselves. Migrations only write, so they can be run on a
 * driver that notes instead of executing.
 */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely';
import pg from 'pg';
import { ConfigurationError } from '../errors.js';
import { type MigrationTarget, migrationsOf } from './migrate.js';

/**
 * The statements that bring a schema up to date, in one transaction; run twice, the second time fails and changes nothing. What it makes is
 * what the Migrator would make, its bookkeeping included.
 *
 * @param applied names of migrations that are left out, because they were applied already
 */
export async function migrationSql(target: MigrationTarget, applied: ReadonlySet<string>): Promise<string> {
  const { names } = target;
  const schema = pg.escapeIdentifier(names.schema);
  const done = `${schema}.${pg.escapeIdentifier(names.migrations)}`;
  const lock = `${schema}.${pg.escapeIdentifier(names.migrationLock)}`;
  const parts = [
    'begin',
    `create schema if not exists ${schema}`,
    `create table if not exists ${done} (name varchar(255) not null primary key, timestamp varchar(255) not null)`,
    `create table if not exists ${lock} (id varchar(255) not null primary key, is_locked integer not null default 0)`,
    `insert into ${lock} (id, is_locked) values ('migration_lock', 0) on conflict do nothing`,
  ];
  const db = new Notebook();
  for (const [name, migration] of migrationsOf(target)) {
    if (applied.has(name)) continue;
    parts.push(`-- ${name}`, ...(await db.note((kysely) => migration.up(kysely))));
    const now = `to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
    parts.push(`insert into ${done} (name, timestamp) values (${pg.escapeLiteral(name)}, ${now})`);
  }
  return [...parts, 'commit'].map((part) => (part.startsWith('--') ? `\n${part}\n` : `${part};\n`)).join('');
}

/** A Kysely that notes what it is asked to run. */
class Notebook {
  #noted: string[] = [];
  readonly #kysely: Kysely<unknown>;

  constructor() {
    const note = (query: CompiledQuery): void => {
      if (query.parameters.length > 0)
        throw new ConfigurationError('INVALID_OPTION', 'A migration binds values: run it without `--sql`');
      this.#noted.push(query.sql.replaceAll(/^\s+|\s+$/g, ''));
    };
    this.#kysely = new Kysely({
      dialect: {
        createAdapter: () => new PostgresAdapter(),
        createDriver: () => notingDriver(note),
        createIntrospector: (db) => new PostgresIntrospector(db),
        createQueryCompiler: () => new PostgresQueryCompiler(),
      },
    });
  }

  /** The statements that `work` asked for. */
  async note(work: (db: Kysely<unknown>) => Promise<void>): Promise<readonly string[]> {
    this.#noted = [];
    await work(this.#kysely);
    return this.#noted;
  }
}

function notingDriver(note: (query: CompiledQuery) => void): Driver {
  const connection: DatabaseConnection = {
    executeQuery: <Row>(query: CompiledQuery): Promise<QueryResult<Row>> => {
      note(query);
      return Promise.resolve({ rows: [] });
    },
    streamQuery: () => {
      throw new TypeError('A migration streams nothing');
    },
  };
  return Object.assign(new DummyDriver(), { acquireConnection: () => Promise.resolve(connection) });
}
