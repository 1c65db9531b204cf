/** Whether notifications arrive: LISTEN succeeds behind a transaction pooler as well, and nothing is ever heard. */
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import pg from 'pg';
import type { RunOn } from '../executor.js';
import type { Finding } from './finding.js';
import type { PoolerKind } from './pooler-check.js';

/** Until a notification counts as lost, milliseconds. */
const PATIENCE = 3_000;

interface Circumstances {
  readonly kind: PoolerKind;
  /** Whether the listener came by a URL of its own. */
  readonly isSeparate: boolean;
}

/** Sends a notification through `run` and waits for it at `listener`, which is connected. */
export async function listenFinding(run: RunOn, listener: pg.Client, circumstances: Circumstances): Promise<Finding> {
  const channel = `keepsake_doctor_${randomUUID()}`;
  let timer: NodeJS.Timeout | undefined;
  const heard = new Promise<'heard' | 'lost'>((resolve) => {
    listener.on('notification', () => resolve('heard'));
    timer = setTimeout(() => resolve('lost'), PATIENCE);
  });
  try {
    await listener.query(`listen ${pg.escapeIdentifier(channel)}`);
    const start = performance.now();
    await run('select pg_notify($1::text, $2::text)', [channel, '']);
    const result = await heard;
    const ms = Math.round(performance.now() - start);
    if (result === 'heard') return { check: 'listen', verdict: 'ok', says: `a notification arrived in ${ms} ms` };
    return lost(circumstances);
  } finally {
    clearTimeout(timer);
    await listener.query(`unlisten ${pg.escapeIdentifier(channel)}`).catch(() => undefined);
  }
}

function lost({ kind, isSeparate }: Circumstances): Finding {
  const says = `a notification did not arrive within ${PATIENCE / 1000} s: local copies live for \`localLease\` only`;
  if (isSeparate) {
    return {
      check: 'listen',
      verdict: 'wrong',
      says,
      mend: 'let `listenConnection` lead to the same database, past every pooler',
    };
  }
  const remedy = "give a direct URL as `listenConnection`, or say `notify: 'off'`";
  const mend = kind === 'none' ? 'look for a proxy before the server' : remedy;
  return { check: 'listen', verdict: 'wrong', says, mend };
}
