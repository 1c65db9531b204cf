/**
 * Whether a pooler stands between us and PostgreSQL, and of which kind.
 *
 * A server tells each client the id of the process that serves it, to cancel statements by. A pooler must make one up, because its clients
 * change servers: so where the id of the startup is not that of `pg_backend_pid()`, there is a pooler. In transaction mode a second client is
 * given the server process that the first one has just left, which keeps it to itself in session mode.
 */
import type pg from 'pg';
import { runOn } from '../executor.js';
import type { Finding } from './finding.js';

/** `hidden`: a pooler, and no sign of whether it keeps a session's server for it. */
export type PoolerKind = 'none' | 'transaction' | 'hidden';

/** Until a second client of the pool is served, milliseconds: a pool of one server is busy with the first. */
const PATIENCE = 2_000;

/** Both clients are connected, and idle. */
export async function poolerKind(one: pg.Client, other: pg.Client): Promise<PoolerKind> {
  const first = await backendOf(one);
  if (first === toldId(one)) return 'none';
  let timer: NodeJS.Timeout | undefined;
  const waited = new Promise<'waited'>((resolve) => {
    timer = setTimeout(() => resolve('waited'), PATIENCE);
  });
  try {
    return (await Promise.race([backendOf(other).catch(() => 'waited'), waited])) === first ? 'transaction' : 'hidden';
  } finally {
    clearTimeout(timer);
  }
}

export function poolerFinding(kind: PoolerKind, listenConnection: string | undefined): Finding {
  switch (kind) {
    case 'none':
      return { check: 'pooler', verdict: 'ok', says: 'none: the connection leads straight to PostgreSQL' };
    case 'hidden':
      return { check: 'pooler', verdict: 'ok', says: 'a pooler, which seems to keep sessions apart' };
    case 'transaction':
      return {
        check: 'pooler',
        verdict: 'note',
        says: 'a pooler in transaction mode: LISTEN and migrations need a direct connection',
        mend:
          listenConnection === undefined
            ? "give a direct URL as `listenConnection` (or `notify: 'off'`), migrate by a direct URL with `migrate: false` here; `preparedStatements: false` if it knows none"
            : 'migrate by a direct URL, with `migrate: false` here; `preparedStatements: false` if it knows none',
      };
  }
}

async function backendOf(client: pg.Client): Promise<string | null | undefined> {
  const [row] = await runOn(client)('select pg_backend_pid()');
  return row?.[0];
}

/** The driver keeps it, and leaves it out of its types. */
function toldId(client: pg.Client): string {
  return String(Reflect.get(client, 'processID'));
}
