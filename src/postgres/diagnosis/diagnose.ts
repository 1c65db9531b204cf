/**
 * Diagnosis: whether a cache can work over this database, asked step by step, so that the first thing that is wrong has a name and a
 * remedy. Nothing is changed: catalogs are read, and one notification is sent on a channel of its own.
 */
import pg from 'pg';
import { ConfigurationError } from '../../errors.js';
import { type RunOn, runOn } from '../executor.js';
import { checkServer } from '../identity.js';
import { type NameOptions, tableNames } from '../names.js';
import { assertConnectable, poolConfig } from '../startup.js';
import { connectionFinding, openClient } from './connection-check.js';
import type { Finding } from './finding.js';
import { listenFinding } from './listen-check.js';
import { type PoolerKind, poolerFinding, poolerKind } from './pooler-check.js';
import { rightsFinding } from './rights-check.js';
import { schemaFinding } from './schema-check.js';

export interface DiagnosisOptions extends NameOptions {
  /** A URL. */
  readonly connection: string;
  /** URL for the listening connection, where `connection` goes through a transaction pooler. */
  readonly listenConnection: string | undefined;
}

/** What the checks of one diagnosis share. */
interface Patient {
  readonly client: pg.Client;
  readonly run: RunOn;
  readonly options: DiagnosisOptions;
}

/**
 * The findings, one after the other; ends early where nothing more can be asked.
 *
 * @throws ConfigurationError `INVALID_OPTION` for names and URLs that can never work
 */
export async function* diagnose(options: DiagnosisOptions): AsyncGenerator<Finding> {
  const names = tableNames(options);
  for (const url of [options.connection, options.listenConnection]) {
    if (url !== undefined) assertConnectable(url);
  }
  const client = clientOf(options.connection);
  try {
    const connected = await connectionFinding(client);
    yield connected;
    if (connected.verdict === 'wrong') return;
    const patient: Patient = { client, run: runOn(client), options };
    const server = await serverFinding(patient);
    yield server;
    if (server.verdict === 'wrong') return;
    const kind = await poolerOf(patient);
    yield poolerFinding(kind, options.listenConnection);
    yield await schemaFinding(patient.run, names);
    yield await rightsFinding(patient.run, names);
    yield await listening(patient, kind);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Without the settings our pool asks for: a pooler may refuse them. */
function clientOf(url: string): pg.Client {
  const timeouts = { read: 10_000, write: 10_000 };
  const client = new pg.Client({
    ...poolConfig(url, { poolSize: 1, timeouts, settings: 'plain' }),
    fallback_application_name: 'keepsake-doctor',
  });
  client.on('error', () => undefined); // its statement fails as well
  return client;
}

async function serverFinding({ run }: Patient): Promise<Finding> {
  try {
    await checkServer(run);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const mend =
      error.code === 'SERVER_IN_RECOVERY' ? 'connect to the primary' : "PostgreSQL 13 or later, encoding 'UTF8'";
    return { check: 'server', verdict: 'wrong', says: error.message, mend };
  }
  const [row] = await run(`select current_setting('server_version')`);
  return { check: 'server', verdict: 'ok', says: `PostgreSQL ${row?.[0] ?? ''}, a primary, encoding UTF8` };
}

async function poolerOf({ client, options }: Patient): Promise<PoolerKind> {
  const other = clientOf(options.connection);
  try {
    await openClient(other);
    return await poolerKind(client, other);
  } finally {
    await other.end().catch(() => undefined);
  }
}

async function listening({ run, options }: Patient, kind: PoolerKind): Promise<Finding> {
  const listener = clientOf(options.listenConnection ?? options.connection);
  try {
    await openClient(listener);
    return await listenFinding(run, listener, { kind, isSeparate: options.listenConnection !== undefined });
  } catch (error) {
    const says = `the listening connection failed: ${error instanceof Error ? error.message : String(error)}`;
    return { check: 'listen', verdict: 'wrong', says, mend: 'correct `listenConnection`' };
  } finally {
    await listener.end().catch(() => undefined);
  }
}
