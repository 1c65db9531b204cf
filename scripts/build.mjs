/** Builds `dist` from nothing. The old one is replaced only by a complete new one, so a test run beside it keeps working. */
import { spawnSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';

const root = new URL('../', import.meta.url);
const next = new URL('.dist-next/', root);
const dist = new URL('dist/', root);
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

rmSync(next, { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', '.dist-next'], {
  cwd: root,
  stdio: 'inherit',
});
if (status === 0) {
  rmSync(dist, { recursive: true, force: true });
  renameSync(next, dist);
} else {
  rmSync(next, { recursive: true, force: true });
  process.exitCode = 1;
}
