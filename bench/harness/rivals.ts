/**
 * The rivals: what others would use, behind one interface each. They live in a package of their own (bench/rivals), which is installed
 * by the benchmarks and by nothing else; so nothing here may import it before it is.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Product } from '../fixtures/product.js';

/** A cache in the process, filled already. */
export interface LocalRival {
  readonly name: string;
  /** Awaits `times` hits of the keys 0, 1, ... `keys - 1` in turn; the sum of what they were answered. A loop of its own, see suites/local-hit.ts. */
  readonly loop: (times: number) => Promise<number>;
  readonly close: () => Promise<void>;
}

/** What a local rival is given: its source of values and how to add them up. */
export interface LocalSource {
  readonly keys: number;
  readonly load: (id: number) => Promise<Product>;
  readonly amount: (product: Product | undefined) => number;
}

/** A cache outside of the process. */
export interface SharedRival {
  readonly name: string;
  get(key: string): Promise<Product | undefined>;
  set(key: string, product: Product): Promise<void>;
  /** Adds one, atomically; undefined where it cannot. */
  readonly increment?: ((key: string) => Promise<void>) | undefined;
  close(): Promise<void>;
}

export interface RivalModule {
  openLocalRivals(source: LocalSource): Promise<readonly LocalRival[]>;
  openRedisRivals(url: string): Promise<readonly SharedRival[]>;
  openKeyv(connectionString: string, connections: number): Promise<SharedRival>;
  readonly versions: Readonly<Record<string, string>>;
}

const folder = new URL('../rivals/', import.meta.url);

/** Installs the rivals if they are not there, and loads them. */
export async function loadRivals(): Promise<RivalModule> {
  if (!existsSync(new URL('node_modules/', folder))) {
    console.log('Installing the rivals (npm ci in bench/rivals) ...');
    const { status } = spawnSync('npm ci --no-audit --no-fund --loglevel=error', {
      cwd: fileURLToPath(folder),
      stdio: 'inherit',
      shell: true,
    });
    if (status !== 0) throw new Error('Cannot install the rivals: run `npm ci` in bench/rivals');
  }
  return (await import(new URL('index.ts', folder).href)) as RivalModule;
}
