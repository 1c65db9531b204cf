/** Versions: of Node, of this package and of the packages it works with, as they are installed. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly engines?: { readonly node?: string };
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** A finding of the doctor about versions. */
export interface VersionFinding {
  readonly check: 'versions';
  readonly verdict: 'ok' | 'wrong';
  readonly says: string;
  readonly mend: string | undefined;
}

const require = createRequire(import.meta.url);

const OWN_NAME = 'keepsake';

/** The packages a cache over PostgreSQL cannot do without. */
const PEERS = ['pg', 'kysely'] as const;

/** This package's own version. */
export function ownVersion(): string {
  return manifestOf(OWN_NAME)?.version ?? 'of unknown version';
}

export function versionFindings(): readonly VersionFinding[] {
  const own = manifestOf(OWN_NAME);
  const parts = [
    { name: 'node', version: process.versions.node, range: own?.engines?.node ?? '*' },
    ...PEERS.map((name) => ({ name, version: manifestOf(name)?.version, range: own?.peerDependencies?.[name] ?? '*' })),
  ];
  const unfit = parts.filter(({ version, range }) => version === undefined || !satisfies(version, range));
  const says = [
    `keepsake ${own?.version ?? ''}`,
    ...parts.map(({ name, version }) => `${name} ${version ?? 'missing'}`),
  ];
  const finding = { check: 'versions' as const, says: says.join(', ') };
  if (unfit.length === 0) return [{ ...finding, verdict: 'ok', mend: undefined }];
  return [{ ...finding, verdict: 'wrong', mend: unfit.map(({ name, range }) => `${name} ${range}`).join(', ') }];
}

/** Its package.json, looked for upwards from where importing it leads: not every package lets its own be imported. */
function manifestOf(name: string): Manifest | undefined {
  try {
    for (let folder = homeOf(name); folder !== dirname(folder); folder = dirname(folder)) {
      const path = join(folder, 'package.json');
      if (!existsSync(path)) continue;
      const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
      if (manifest.name === name) return manifest;
    }
  } catch {
    // Not installed, or not to be found from here: the caller says so.
  }
  return undefined;
}

/** A folder inside of the package. */
function homeOf(name: string): string {
  return dirname(name === OWN_NAME ? fileURLToPath(import.meta.url) : require.resolve(name));
}

/** Whether a version is in a range of the forms that this package's own package.json uses: `>=1.2`, `<3`, `^1.2.3`, side by side. */
export function satisfies(version: string, range: string): boolean {
  return range
    .split(/\s+/)
    .filter((part) => part !== '' && part !== '*')
    .every((part) => {
      const [, operator = '', bound = ''] = /^(>=|<|\^)(\d.*)$/.exec(part) ?? [];
      const order = compare(version, bound);
      if (operator === '<') return order < 0;
      if (operator === '^') return order >= 0 && numbersOf(version)[0] === numbersOf(bound)[0];
      return order >= 0;
    });
}

function compare(left: string, right: string): number {
  const others = numbersOf(right);
  return numbersOf(left).reduce((order, number, i) => (order === 0 ? number - (others[i] ?? 0) : order), 0);
}

/** Major, minor and patch; what follows a `-` does not count. */
function numbersOf(version: string): readonly number[] {
  const [major = 0, minor = 0, patch = 0] = version.split('-', 1).join('').split('.').map(Number);
  return [major, minor, patch];
}
