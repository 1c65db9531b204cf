/** Runs an example as its reader would: as a program of its own, over the built package. */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface ExampleRun {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const tsx = join(dirname(createRequire(import.meta.url).resolve('tsx/package.json')), 'dist/cli.mjs');

/** Runs `examples/<name>/main.ts` with this environment, without the `DATABASE_URL` of whoever runs the tests. */
export function runExample(name: string, env: Readonly<Record<string, string>>): Promise<ExampleRun> {
  const { DATABASE_URL: _, ...inherited } = process.env;
  return new Promise((resolve) => {
    const options = { cwd: root, env: { ...inherited, ...env }, timeout: 60_000 };
    execFile(process.execPath, [tsx, `examples/${name}/main.ts`], options, (error, output, errors) => {
      resolve({ status: error === null ? 0 : Number(error.code ?? -1), output, errors });
    });
  });
}
