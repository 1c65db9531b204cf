/** Starts the second process and hears what it has to tell. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Row } from './journal.js';

/** Runs second-process.ts to its end and returns the rows of its journal. */
export async function startSecondProcess(url: string): Promise<readonly Row[]> {
  const program = fileURLToPath(new URL('second-process.ts', import.meta.url));
  const child = fork(program, { env: { ...process.env, DATABASE_URL: url } });
  let rows: readonly Row[] = [];
  child.on('message', (message) => {
    rows = message as readonly Row[];
  });
  const [status]: readonly unknown[] = await once(child, 'close');
  if (status !== 0) throw new Error(`The second process ended with status ${String(status)}`);
  return rows;
}
