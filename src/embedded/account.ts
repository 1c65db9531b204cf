/** Accounts: under which user of the system the server runs, and what that user can reach. */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { ConfigurationError } from '../errors.js';

/** A user of the system, other than the one this process runs as. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Whom root hands the server to, first match first. `nobody` exists nearly everywhere (in Node's container images too), so no
 * user has to be added to a machine that only asked for a cache.
 */
const CANDIDATES: readonly string[] = ['postgres', 'nobody'];

/** The account to run the server under; undefined = our own. PostgreSQL refuses to run as root. */
export async function serverAccount(candidates = CANDIDATES): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of candidates) {
    const account = await lookUp(name);
    if (account !== undefined) return account;
  }
  throw new ConfigurationError(
    'EMBEDDED_FAILED',
    `PostgreSQL refuses to run as root, and there is no user ${candidates.map((name) => `\`${name}\``).join(' or ')} to run it as; create one (\`useradd --system postgres\`), or start this process as another user`,
  );
}

async function lookUp(name: string): Promise<Account | undefined> {
  const id = (flag: string): Promise<number> =>
    promisify(execFile)('id', [flag, name]).then(({ stdout }) => Number.parseInt(stdout, 10));
  try {
    const [uid, gid] = await Promise.all([id('-u'), id('-g')]);
    return Number.isInteger(uid) && Number.isInteger(gid) && uid !== 0 ? { name, uid, gid } : undefined;
  } catch {
    return undefined; // `id` fails for an unknown name, which is an answer
  }
}

/**
 * The first directory on the way to `path` (itself included) that `account` may not enter, such as root's home; undefined when
 * the way is free. Looks at permission bits only: access control lists may still forbid.
 */
export async function closedAncestor(path: string, account: Account | undefined): Promise<string | undefined> {
  if (account === undefined) return undefined;
  const above = dirname(path);
  const closed = above === path ? undefined : await closedAncestor(above, account);
  if (closed !== undefined) return closed;
  return (await allowed(path, account, EXECUTE)) ? undefined : path;
}

/** Whether `account` can reach the directory `path` and make and remove things in it. */
export async function openTo(path: string, account: Account | undefined): Promise<boolean> {
  if (account === undefined) return true;
  return (await closedAncestor(path, account)) === undefined && (await allowed(path, account, WRITE));
}

const EXECUTE = 0o1;
const WRITE = 0o2;

async function allowed(path: string, account: Account, right: number): Promise<boolean> {
  const { uid, gid, mode } = await stat(path);
  const shift = uid === account.uid ? 6 : gid === account.gid ? 3 : 0;
  return (mode & (right << shift)) !== 0;
}
