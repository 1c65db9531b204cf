/** A PostgreSQL server of one test file's own, to be killed, stopped and started again; the run's server is everybody's. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { type EmbeddedServer, startEmbedded } from '../../src/embedded/server.js';
import { eventually } from './cache-fixture.js';

/** A login that owns the database and is no superuser, as applications have. */
const APPLICATION = { role: 'application', password: 'it-is-a-secret' };

export class OwnServer {
  readonly #directory: string;
  #server: EmbeddedServer | undefined;
  #adminUrl = '';
  #stopped: readonly number[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Starts it, in the same folder and on the same port as before, with further settings. */
  async start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const port = this.#adminUrl === '' ? undefined : Number(new URL(this.#adminUrl).port);
    // The version of the run, where that is a matter of programs on this machine.
    const debian = /^debian:(\d+)$/.exec(process.env['KEEPSAKE_TEST_PG'] ?? '')?.[1];
    this.#server = await startEmbedded({
      directory: this.#directory,
      port,
      binDirectory: debian === undefined ? undefined : `/usr/lib/postgresql/${debian}/bin`,
      // Processes are killed here, the machine is not: what was written is there, on no disk or on one.
      settings: { fsync: 'off', ...settings },
    });
    this.#adminUrl = this.#server.connectionString;
  }

  async stop(): Promise<void> {
    this.resume();
    await this.#server?.stop();
  }

  /** The folder of its data, to be copied and put back. */
  get data(): string {
    return join(this.#directory, 'data');
  }

  /** Makes the application's role and database. */
  async furnish(): Promise<void> {
    const { role, password } = APPLICATION;
    await this.ask(`create role ${role} login password '${password}'`);
    await this.ask(`create database ${role} owner ${role} template template0`);
  }

  /** The URL of the application's database, for the application. */
  get url(): string {
    const url = new URL(this.#adminUrl);
    url.username = APPLICATION.role;
    url.password = APPLICATION.password;
    url.pathname = `/${APPLICATION.role}`;
    return url.href;
  }

  /** The URL of the application's database, for the superuser. */
  get adminUrl(): string {
    const url = new URL(this.#adminUrl);
    url.pathname = `/${APPLICATION.role}`;
    return url.href;
  }

  /** Asks the server as its superuser, on a connection of its own. */
  async ask<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    const client = await this.#connect();
    try {
      return (await client.query<Row>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** Gives the application's role a setting; its connections are ended, so that all it has from now on know it. */
  async setForApplication(setting: string, value: string | undefined): Promise<void> {
    const change = value === undefined ? `reset ${setting}` : `set ${setting} = '${value}'`;
    await this.ask(`alter role ${APPLICATION.role} ${change}`);
    await this.ask('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [APPLICATION.role]);
  }

  /** Ends the whole server without any warning, as a machine that loses its power. */
  async kill(): Promise<void> {
    const [postmaster, ...others] = await this.#processes();
    if (postmaster !== undefined) process.kill(postmaster, 'SIGKILL');
    for (const pid of others) signal(pid, 'SIGKILL');
    await this.#server?.stop();
  }

  /** Starts it again as a server in recovery that follows nobody: it can be read, and refuses every write. */
  async restartAsStandby(): Promise<void> {
    await this.stop();
    await writeFile(join(this.data, 'standby.signal'), '');
    await this.start({ hot_standby: 'on' });
  }

  /** Makes a standby a server that can be written to; resolves when it is one. */
  async promote(): Promise<void> {
    await this.ask('select pg_promote()');
  }

  /**
   * Kills the process of one connection: the server ends all others, recovers by itself, and empties its unlogged tables.
   * Resolves when it accepts connections again.
   */
  async crash(): Promise<void> {
    const victim = await this.#connect();
    const witness = await this.#connect();
    const ended = new Promise((resolve) => witness.once('end', resolve));
    const { rows } = await victim.query<{ pid: number }>('select pg_backend_pid() as pid');
    signal(rows[0]?.pid ?? Number.NaN, 'SIGKILL');
    // From the moment another connection was ended, new ones are accepted only after the recovery.
    await ended;
    await eventually(() => this.ask('select'));
  }

  /** Stops every process of the server where it is; connections stay open and nothing answers. */
  async freeze(): Promise<void> {
    this.#stopped = await this.#processes();
    for (const pid of this.#stopped) signal(pid, 'SIGSTOP');
  }

  /** Lets a frozen server go on. */
  resume(): void {
    for (const pid of this.#stopped) signal(pid, 'SIGCONT');
    this.#stopped = [];
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.#adminUrl });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  /** The server's processes, the first of which started the others. */
  async #processes(): Promise<readonly number[]> {
    const file = await readFile(join(this.#directory, 'data', 'postmaster.pid'), 'utf8');
    const others = await this.ask<{ pid: number }>('select pid from pg_stat_activity where pid <> pg_backend_pid()');
    return [Number(file.split('\n')[0]), ...others.map(({ pid }) => pid)];
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It has ended meanwhile.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** A server for the tests of this file, with further settings: started before them, removed after them. */
export function useOwnServer(settings: Readonly<Record<string, string>> = {}): () => OwnServer {
  let folder = '';
  let server: OwnServer | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keepsake-own-server-'));
    await chmod(folder, 0o1777); // the server may run as another user
    server = new OwnServer(join(folder, 'server'));
    await server.start(settings);
    await server.furnish();
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);
  return () => {
    if (server === undefined) throw new Error('The server runs from `beforeAll` on');
    return server;
  };
}
