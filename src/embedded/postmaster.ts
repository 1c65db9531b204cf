/** The lock file of a running server, `postmaster.pid`: who runs in a data folder, on which port, and how far it is. */
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What the lock file says. Its lines: process id, data folder, start time, port, socket folder, address, memory key, status. */
export interface Postmaster {
  readonly pid: number;
  readonly status: 'starting' | 'ready' | 'stopping';
}

/** Reads the lock file of a data folder; undefined when there is none. */
export async function readPostmaster(data: string): Promise<Postmaster | undefined> {
  const lines = await readFile(join(data, 'postmaster.pid'), 'utf8').then(
    (text) => text.split('\n'),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
  if (lines === undefined) return undefined;
  const word = lines[7]?.trim();
  return { pid: Number(lines[0]), status: word === 'ready' || word === 'stopping' ? word : 'starting' };
}

/**
 * The server that really runs in a data folder. A lock file whose process is gone, or is another program by now (ids are soon
 * reused in containers, and PostgreSQL itself asks only whether the id is alive), is removed.
 */
export async function runningPostmaster(data: string): Promise<Postmaster | undefined> {
  const found = await readPostmaster(data);
  if (found === undefined) return undefined;
  if (await isPostgres(found.pid)) return found;
  await rm(join(data, 'postmaster.pid'), { force: true });
  return undefined;
}

async function isPostgres(pid: number): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  const name = await (process.platform === 'linux'
    ? readFile(`/proc/${pid}/comm`, 'utf8')
    : promisify(execFile)('ps', ['-o', 'comm=', '-p', String(pid)]).then(({ stdout }) => stdout)
  ).catch(() => '');
  return /(^|\/)postgres\s*$/.test(name);
}
