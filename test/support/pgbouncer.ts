/** PgBouncer (Debian's package `pgbouncer`) before the server of the run, for the tests of one file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, vi } from 'vitest';

const PROGRAM = [
  '/usr/sbin/pgbouncer',
  '/usr/local/sbin/pgbouncer',
  '/usr/local/bin/pgbouncer',
  '/usr/bin/pgbouncer',
].find((path) => existsSync(path));

/** What it needs to run; tests without it are skipped under a title that says so. */
export const HAS_PGBOUNCER = PROGRAM !== undefined;

export interface PgBouncerOptions {
  readonly mode: 'transaction' | 'session';
  /** Connections to the server, for each user and database. */
  readonly poolSize: number;
}

/** It refuses to run as root; any account that owns nothing will do. */
const NOBODY = 65_534;

/** Starts it before the tests of this file or block, and stops it after them. Its `url` leads to the same database as the given one. */
export function usePgBouncer(database: { readonly url: string }, options: PgBouncerOptions): { readonly url: string } {
  let port = 0;
  let folder = '';
  let child: ChildProcess | undefined;
  const pooled = (): string => {
    const url = new URL(database.url);
    url.host = `127.0.0.1:${port}`;
    return url.href;
  };
  beforeAll(async () => {
    if (PROGRAM === undefined) return;
    folder = await mkdtemp(join(tmpdir(), 'keepsake-pgbouncer-'));
    port = await freePort();
    await configure(folder, database.url, { port, ...options });
    const account = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    child = spawn(PROGRAM, [join(folder, 'pgbouncer.ini')], { stdio: 'ignore', ...account });
    await vi.waitFor(() => answers(pooled()), { timeout: 20_000, interval: 50 });
  });
  afterAll(async () => {
    if (child !== undefined) {
      const ended = new Promise((resolve) => child?.once('exit', resolve));
      if (child.exitCode === null) child.kill('SIGKILL');
      await ended;
    }
    if (folder !== '') await rm(folder, { recursive: true });
  });
  return {
    get url() {
      return pooled();
    },
  };
}

async function configure(
  folder: string,
  serverUrl: string,
  { port, mode, poolSize }: PgBouncerOptions & { readonly port: number },
): Promise<void> {
  const server = new URL(serverUrl);
  const users = join(folder, 'users.txt');
  const lines = [
    '[databases]',
    `* = host=${server.hostname} port=${server.port || '5432'}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = plain',
    `auth_file = ${users}`,
    `pool_mode = ${mode}`,
    `default_pool_size = ${poolSize}`,
    'log_connections = 0',
    'log_disconnections = 0',
    '',
  ];
  const quoted = (text: string): string => `"${decodeURIComponent(text).replaceAll('"', '""')}"`;
  await writeFile(join(folder, 'pgbouncer.ini'), lines.join('\n'));
  await writeFile(users, `${quoted(server.username)} ${quoted(server.password)}\n`);
  if (process.getuid?.() !== 0) return;
  await chmod(folder, 0o755);
  await chown(users, NOBODY, NOBODY);
}

async function answers(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select');
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
