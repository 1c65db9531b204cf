/**
 * A place: the folder that holds everything of one server, made and checked before it starts.
 *
 *     <folder>/data         the cluster
 *     <folder>/password     the superuser's password, readable by its owner only
 *     <folder>/server.log   what initdb and the server say
 */
import { randomBytes } from 'node:crypto';
import { chown, link, mkdir, mkdtemp, open, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ConfigurationError } from '../errors.js';
import { type Account, closedAncestor, openTo } from './account.js';

export interface Place {
  readonly folder: string;
  readonly data: string;
  readonly log: string;
  readonly password: string;
  /** `temporary`: removed when the server stops; nothing in it is meant to survive. */
  readonly lifetime: 'temporary' | 'named';
}

/** A new folder among the temporary files, which `account` can reach and owns. */
export async function temporaryFolder(account: Account | undefined): Promise<string> {
  const usual = await realpath(tmpdir());
  // Root's TMPDIR may be its own; /tmp is open to everybody by definition.
  const root = (await openTo(usual, account)) ? usual : '/tmp';
  const folder = await mkdtemp(join(root, 'keepsake-postgres-'));
  if (account !== undefined) await chown(folder, account.uid, account.gid);
  return folder;
}

/** Everything for a server whose data nobody wants to keep, in a folder of {@link temporaryFolder}. */
export async function temporaryPlace(folder: string, account: Account | undefined): Promise<Place> {
  return furnish(folder, 'temporary', account);
}

/**
 * Everything for a server whose data is kept in `directory`, which is created when it is missing.
 *
 * @throws ConfigurationError `EMBEDDED_FAILED` when it is closed to `account`, or holds something else.
 */
export async function namedPlace(directory: string, account: Account | undefined): Promise<Place> {
  const asked = resolve(directory);
  try {
    await mkdir(dirname(asked), { recursive: true });
    await mkdir(asked, { recursive: true, mode: 0o700 }); // only this one is ours to close
    const folder = await realpath(asked);
    await refuseForeignContent(folder, directory);
    if (account !== undefined) await chown(folder, account.uid, account.gid);
    await refuseClosed(folder, directory, account);
    return await furnish(folder, 'named', account);
  } catch (cause) {
    if (cause instanceof ConfigurationError) throw cause;
    throw new ConfigurationError('EMBEDDED_FAILED', `Cannot use \`${directory}\` for the embedded PostgreSQL`, {
      cause,
    });
  }
}

async function refuseForeignContent(folder: string, directory: string): Promise<void> {
  const content = await readdir(folder);
  if (content.length === 0 || content.some((name) => name.startsWith('password'))) return;
  throw new ConfigurationError(
    'EMBEDDED_FAILED',
    `Expected \`embedded.directory\` to be empty or to hold a database of Keepsake's embedded PostgreSQL, got \`${directory}\`, which holds \`${content.slice(0, 3).join('`, `')}\``,
  );
}

async function refuseClosed(folder: string, directory: string, account: Account | undefined): Promise<void> {
  const closed = await closedAncestor(folder, account);
  if (closed === undefined || account === undefined) return;
  throw new ConfigurationError(
    'EMBEDDED_FAILED',
    `Expected \`embedded.directory\` to be a folder that the user \`${account.name}\` can reach (PostgreSQL does not run as root), got \`${directory}\`; \`${closed}\` is closed to that user`,
  );
}

async function furnish(folder: string, lifetime: Place['lifetime'], account: Account | undefined): Promise<Place> {
  const password = await passwordOf(folder, account);
  return { folder, data: join(folder, 'data'), log: join(folder, 'server.log'), password, lifetime };
}

/** The password of this folder: made once, because the cluster remembers it. */
async function passwordOf(folder: string, account: Account | undefined): Promise<string> {
  const path = join(folder, 'password');
  const draft = `${path}-${randomBytes(6).toString('hex')}`;
  await writeFile(draft, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
  if (account !== undefined) await chown(draft, account.uid, account.gid);
  try {
    await link(draft, path); // atomic, and fails when there is one: two processes that start here agree on the first
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return (await readFile(path, 'utf8')).trim();
}

/** The major version of the cluster in a place; undefined when there is none yet. */
export async function clusterVersion(place: Place): Promise<number | undefined> {
  try {
    return Number.parseInt(await readFile(join(place.data, 'PG_VERSION'), 'utf8'), 10);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The position where the log now ends: what comes after it belongs to the next start. */
export async function logEnd(place: Place): Promise<number> {
  return stat(place.log).then(
    ({ size }) => size,
    () => 0,
  );
}

/** The last lines that were logged after `from`, at most 4 kB. */
export async function logTail(place: Place, from: number): Promise<string> {
  const end = await logEnd(place);
  const start = Math.max(from, end - 4096);
  if (end <= start) return '';
  const file = await open(place.log);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    return buffer.toString('utf8', 0, bytesRead).trim().split('\n').slice(-15).join('\n');
  } finally {
    await file.close();
  }
}
