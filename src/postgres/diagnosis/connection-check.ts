/** Whether the server lets us in, and what the reasons not to mean. */
import { performance } from 'node:perf_hooks';
import type pg from 'pg';
import { configurationErrorOf, sqlState } from '../sqlstate.js';
import type { Finding } from './finding.js';

/** Until a connection is given up, milliseconds. */
const PATIENCE = 10_000;

/** Connects. Rejects when that takes too long, too. */
export async function openClient(client: pg.Client): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing answered within ${PATIENCE / 1000} s`)), PATIENCE);
  });
  try {
    await Promise.race([client.connect(), late]);
  } finally {
    clearTimeout(timer);
  }
}

export async function connectionFinding(client: pg.Client): Promise<Finding> {
  const start = performance.now();
  try {
    await openClient(client);
  } catch (error) {
    return { check: 'connection', verdict: 'wrong', ...explain(error, client) };
  }
  const ms = Math.round(performance.now() - start);
  return { check: 'connection', verdict: 'ok', says: `${target(client)}, in ${ms} ms` };
}

/** Where it leads, without the password. */
function target({ user, host, port, database }: pg.Client): string {
  return `user ${user ?? '(none)'}, database ${database ?? '(none)'} at ${host}:${port}`;
}

/** SQLSTATE: more connections are asked for than the server has. */
const TOO_MANY_CONNECTIONS = '53300';

/** Codes of sockets and of TLS. */
const REMEDIES: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    'start PostgreSQL, or correct the host and the port; does it listen on this address (`listen_addresses`)?',
  ENOTFOUND: 'correct the host',
  EAI_AGAIN: 'correct the host, or the name server of this machine',
  ETIMEDOUT: 'correct the host, or let a firewall pass this port',
  ECONNRESET: 'look into the log of the server, or of the pooler before it',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'trust the certificate: `sslmode=verify-full&sslrootcert=<file>`',
  SELF_SIGNED_CERT_IN_CHAIN: 'trust the certificate: `sslmode=verify-full&sslrootcert=<file>`',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'trust the certificate: `sslmode=verify-full&sslrootcert=<file>`',
};

function explain(error: unknown, client: pg.Client): Pick<Finding, 'says' | 'mend'> {
  const known = configurationErrorOf(error, target(client));
  switch (known?.code) {
    case 'AUTHENTICATION_FAILED':
      return {
        says: known.message,
        mend: 'correct the user and the password (percent-encoded in a URL), or the line for them in pg_hba.conf',
      };
    case 'MISSING_SCHEMA':
      return { says: known.message, mend: `create database "${client.database ?? ''}", or correct its name` };
    case undefined:
      break;
    default:
      return { says: known?.message ?? '', mend: undefined };
  }
  const says = `${target(client)}: ${error instanceof Error ? error.message || codeOf(error) : String(error)}`;
  if (sqlState(error) === TOO_MANY_CONNECTIONS) {
    return {
      says,
      mend: 'raise `max_connections`, or lower `poolSize`: each process takes that many and one to listen',
    };
  }
  const mend = /does not support SSL/.test(says) ? 'say `sslmode=disable`' : REMEDIES[codeOf(error)];
  return { says, mend: mend ?? 'correct the address, or look into the log of the server' };
}

/** Of the error or, where several addresses were tried, of the first one's. */
function codeOf(error: unknown): string {
  const code: unknown = Reflect.get(Object(error), 'code');
  if (typeof code === 'string') return code;
  return error instanceof AggregateError && error.errors.length > 0 ? codeOf(error.errors[0]) : '';
}
