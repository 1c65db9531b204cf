/** Runs `npm ci` when node_modules is missing or holds other versions than package-lock.json; silent otherwise. Imports nothing but Node. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * @typedef {{ version?: string, optional?: boolean, link?: boolean }} LockedPackage
 * @typedef {Record<string, LockedPackage>} LockedPackages
 */

const root = new URL('../', import.meta.url);

/**
 * The packages a lock file names by their place, or none when it cannot be read.
 *
 * @param {string} path
 * @returns {LockedPackages}
 */
function lockedPackages(path) {
  try {
    return JSON.parse(readFileSync(new URL(path, root), 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}

/** Versions are compared, not file times: a checkout sets those as it likes. Optional packages may be of another platform. */
function isInstalled() {
  const installed = lockedPackages('node_modules/.package-lock.json');
  return Object.entries(lockedPackages('package-lock.json')).every(
    ([place, wanted]) => place === '' || wanted.optional === true || installed[place]?.version === wanted.version,
  );
}

if (!isInstalled()) {
  console.log('Installing dependencies (npm ci) ...');
  // Through a shell, because on Windows npm is a batch file.
  const { status } = spawnSync('npm ci --no-audit --no-fund --loglevel=error', {
    cwd: root,
    stdio: 'inherit',
    shell: true,
  });
  process.exitCode = status === 0 ? 0 : 1;
}
