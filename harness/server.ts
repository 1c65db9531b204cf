/** The harness's PostgreSQL: an embedded server of its own, which can be killed and started again; or one that is given, which cannot. */
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedServer, startEmbedded } from 'keepsake/embedded';
import pg from 'pg';
import { now, pause } from './monotonic.js';

/**
 * What was committed must be there after the server was killed; the machine is not, so nothing needs to reach a disk. Dead rows are looked
 * for every second: a run of a minute would otherwise see one vacuum.
 */
const SETTINGS = { synchronous_commit: 'on', fsync: 'off', max_connections: '200', autovacuum_naptime: '1s' };

/** The role of the caches under test: no superuser, so that the server can run out of connections for it, or be read-only to it. */
const CACHES = { role: 'keepsake_harness_caches', password: 'harness' };

/** How long a server may take to come back, in milliseconds. */
const RECOVERY = 60_000;

export class HarnessServer {
  readonly #given: string | undefined;
  readonly #directory: string;
  #server: EmbeddedServer | undefined;
  #url = '';

  private constructor(given: string | undefined, directory: string) {
    this.#given = given;
    this.#directory = directory;
  }

  /** The server of TEST_DATABASE_URL or DATABASE_URL; else one of our own. */
  static async start(): Promise<HarnessServer> {
    const given = process.env['TEST_DATABASE_URL'] || process.env['DATABASE_URL'] || undefined;
    if (given !== undefined) {
      const server = new HarnessServer(given, '');
      server.#url = given;
      return server;
    }
    const directory = await mkdtemp(join(tmpdir(), 'keepsake-harness-'));
    await chmod(directory, 0o1777); // the server may run as another user
    const server = new HarnessServer(undefined, directory);
    await server.#start();
    await server.ask(`create role ${CACHES.role} login password '${CACHES.password}'`);
    return server;
  }

  get url(): string {
    return this.#url;
  }

  /** The folder of its data; only where it is our own. */
  get data(): string {
    return join(this.#directory, 'server', 'data');
  }

  /** For the caches under test. */
  get cacheUrl(): string {
    if (this.owner === 'somebody else') return this.#url;
    const url = new URL(this.#url);
    url.username = CACHES.role;
    url.password = CACHES.password;
    return url.href;
  }

  /** Lets the caches under test make tables in a schema. */
  async openTo(schema: string): Promise<void> {
    if (this.owner === 'harness') await this.ask(`grant all on schema ${schema} to ${CACHES.role}`);
  }

  /** Changes what the role of the caches may do, and ends their connections: all they have from now on are under the change. */
  async alterCaches(change: string): Promise<void> {
    await this.ask(`alter role ${CACHES.role} ${change}`);
    await this.ask('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [CACHES.role]);
  }

  /** Whether its processes are ours to kill. */
  get owner(): 'harness' | 'somebody else' {
    return this.#given === undefined ? 'harness' : 'somebody else';
  }

  /** A connection of the harness's own. */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.#url, application_name: 'keepsake-harness' });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  /** Asks on a connection of its own. */
  async ask<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    const client = await this.connect();
    try {
      return (await client.query<Row>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** Kills every process of the server at once, as a machine that loses its power, and starts it again. */
  async killAndRestart(downFor: number): Promise<void> {
    const file = await readFile(join(this.data, 'postmaster.pid'), 'utf8');
    const postmaster = Number(file.split('\n')[0]);
    const others = await this.ask<{ pid: number }>('select pid from pg_stat_activity where pid <> pg_backend_pid()');
    kill(postmaster);
    for (const { pid } of others) kill(pid);
    await this.#server?.stop();
    await pause(downFor);
    await this.#start();
  }

  /** Kills one connection's process: the server ends all others and recovers by itself. */
  async crash(): Promise<void> {
    const victim = await this.connect();
    const { rows } = await victim.query<{ pid: number }>('select pg_backend_pid() as pid');
    const ended = new Promise((resolve) => victim.once('end', resolve));
    kill(rows[0]?.pid ?? Number.NaN);
    await ended;
    await this.answering();
  }

  /** Resolves when the server answers. */
  async answering(): Promise<void> {
    const until = now() + RECOVERY;
    for (;;) {
      try {
        await this.ask('select');
        return;
      } catch (error) {
        if (now() > until) throw error;
        await pause(50);
      }
    }
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    if (this.#directory !== '') await rm(this.#directory, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    const port = this.#url === '' ? undefined : Number(new URL(this.#url).port);
    this.#server = await startEmbedded({ directory: join(this.#directory, 'server'), port, settings: SETTINGS });
    this.#url = this.#server.connectionString;
    await this.answering();
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has ended meanwhile.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
