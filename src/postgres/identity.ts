/**
 * Identity: which server, database and tables a connection talks to, compared on every connect.
 *
 * The incarnation (oid and id of the boot table's one row) is part of every load's token. The boot table is unlogged:
 * PostgreSQL empties it when it recovers from a crash, when a backup is restored and when a standby is promoted, and
 * these are the times after which transaction ids are used again. Whoever finds it empty fills it with a new id. A cold
 * copy of a server's files brings the row along, so tokens name the server's start as well.
 *
 * The rest (system identifier, database, table) is also remembered in a logged table. When it differs, the rows were
 * brought here by a dump or a template: their transaction ids mean nothing here, so entries and log are emptied. Every
 * read says which boot table it saw, so a dump that is restored under living connections is noticed as well.
 *
 * Why logged entries survive a crash: an entry's own transaction W is later than the snapshot S of its load (xmax(S) <=
 * W), and because W is in the WAL, all ids given out after the recovery are greater than W. So no id that S could see
 * is used again; only tokens whose fill was not yet committed are in danger, and those name the old incarnation.
 */
import { type RawBuilder, sql } from 'kysely';
import { ConfigurationError, StoreError } from '../errors.js';
import type { RunOn } from './executor.js';
import type { Tables } from './names.js';
import { SqlState, sqlState } from './sqlstate.js';
import { statement } from './statement.js';

/** The oldest server with `pg_snapshot` and `xid8`. */
const OLDEST_VERSION = 130_000;

/** Refuses servers that can never do. Throws ConfigurationError (`SERVER_IN_RECOVERY`, `UNSUPPORTED_SERVER`). */
export async function checkServer(run: RunOn): Promise<void> {
  const [row] = await run(
    `select pg_is_in_recovery()::text as in_recovery, current_setting('server_version_num') as version,
       current_setting('server_encoding') as encoding`,
  );
  refuseUnfit(row?.[0] === 'true', Number(row?.[1]), row?.[2] ?? '');
}

/** The decision of {@link checkServer}, for a server that says this of itself. */
export function refuseUnfit(isInRecovery: boolean, version: number, encoding: string): void {
  if (isInRecovery) {
    throw new ConfigurationError(
      'SERVER_IN_RECOVERY',
      'The server is a standby or still recovering: it cannot be written to, and unlogged tables cannot be read. Connect to the primary',
    );
  }
  if (version < OLDEST_VERSION) {
    throw new ConfigurationError(
      'UNSUPPORTED_SERVER',
      `Expected PostgreSQL 13 or later, got ${Math.floor(version / 10_000)}`,
    );
  }
  if (encoding !== 'UTF8') {
    throw new ConfigurationError('UNSUPPORTED_SERVER', `Expected a database with encoding UTF8, got ${encoding}`);
  }
}

/** The comparison, as a function that runs on each new connection. */
export class Identity {
  readonly #identify: string;
  readonly #remembered: string;
  readonly #empty: readonly string[];
  readonly #remember: string;
  readonly #fill: string;
  readonly #bootName: string;
  /** Oid of the boot table when it was last checked. */
  #bootTable: string | undefined;
  /** `$1` milliseconds: the deadline in force is the largest of all processes'. */
  readonly raiseLoadDeadline: string;

  constructor(tables: Tables) {
    const text = (template: RawBuilder<unknown>) => statement('identity', 'write', template).text;
    this.#identify = text(sql`
      select boot.id::text, meta.identity, current_database.oid::text || ':' || boot_table.oid::text
      from (select) as always
      left join ${tables.meta} as meta on true
      left join ${tables.boot} as boot on true
      cross join (select oid from pg_catalog.pg_database where datname = current_database()) as current_database
      cross join (select $1::regclass::oid as oid) as boot_table`);
    this.#remembered = text(sql`select meta.identity from ${tables.meta} as meta for update`);
    this.#empty = [
      text(sql`delete from ${tables.entries}`),
      text(sql`delete from ${tables.invalidations}`),
      text(sql`delete from ${tables.mass}`),
      text(sql`delete from ${tables.boot}`),
    ];
    this.#remember = text(sql`update ${tables.meta} set identity = $1::text`);
    this.#fill = text(sql`insert into ${tables.boot} as boot ("only") values (true) on conflict do nothing`);
    this.#bootName = text(tables.boot);
    this.raiseLoadDeadline = text(
      sql`update ${tables.meta} set load_deadline_ms = $1::float8 where load_deadline_ms < $1::float8`,
    );
  }

  /** Compares, and mends what differs. Throws like {@link checkServer}. */
  async check(run: RunOn): Promise<void> {
    await checkServer(run);
    const system = await systemIdentifier(run);
    const [row] = await run(this.#identify, [this.#bootName]);
    if (row === undefined) throw new StoreError('The tables of Keepsake cannot be read', { outcome: 'failed' });
    const [bootId, remembered, here] = row;
    const identity = `${system}:${here}`;
    this.#bootTable = here?.split(':')[1];
    if (!isSame(remembered, identity)) await this.#adopt(run, identity);
    else if (bootId === null) await run(this.#fill);
  }

  /** Whether an incarnation (`oid of the boot table:...`) is of the tables that were last checked. */
  isOfCheckedTables(incarnation: string): boolean {
    return this.#bootTable !== undefined && incarnation.startsWith(`${this.#bootTable}:`);
  }

  /** Empties what came from elsewhere. Concurrent processes wait for the first and then find nothing to do. */
  async #adopt(run: RunOn, identity: string): Promise<void> {
    await run('begin');
    try {
      await run('set local statement_timeout = 0');
      const [row] = await run(this.#remembered);
      if (!isSame(row?.[0], identity)) {
        // Without an identity the tables are new here, and what is in one that was adopted is its maker's.
        if (row?.[0] != null) for (const text of this.#empty) await run(text);
        await run(this.#remember, [identity]);
      }
      await run(this.#fill);
      await run('commit');
    } catch (error) {
      await run('rollback');
      throw error;
    }
  }
}

/**
 * Where the system identifier may not be asked for, the rest decides; a role that may ask must not undo what another
 * did.
 */
function isSame(remembered: string | null | undefined, here: string): boolean {
  if (remembered == null) return false;
  const [rememberedSystem, ...rememberedRest] = remembered.split(':');
  const [system, ...rest] = here.split(':');
  const isOtherSystem = rememberedSystem !== '' && system !== '' && rememberedSystem !== system;
  return !isOtherSystem && rememberedRest.join() === rest.join();
}

/** The cluster's own number; empty where the role may not ask for it (some hosted servers). */
async function systemIdentifier(run: RunOn): Promise<string> {
  try {
    const [row] = await run('select system_identifier::text from pg_control_system()');
    return row?.[0] ?? '';
  } catch (error) {
    if (sqlState(error) === SqlState.insufficientPrivilege) return '';
    throw error;
  }
}
