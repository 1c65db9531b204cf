import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { useDatabase } from '../support/database.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const tsx = join(dirname(createRequire(import.meta.url).resolve('tsx/package.json')), 'dist/cli.mjs');
const database = useDatabase();

it('examples/rate-limiter: exactly as many calls as allowed, in all processes together, and again in the next window', async () => {
  const options = { cwd: root, env: { ...process.env, DATABASE_URL: database.url }, timeout: 60_000 };
  const { stdout } = await promisify(execFile)(process.execPath, [tsx, 'examples/rate-limiter/main.ts'], options);
  expect(stdout.trim().split('\n')).toEqual([
    '12 calls at once in two processes: 5 allowed, 7 refused',
    'those who were refused may come back in up to a second',
    'in the next window: allowed, 4 left',
  ]);
}, 60_000);
