import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readPostmaster, runningPostmaster } from '../../../src/embedded/postmaster.js';

async function dataWith(lock: string | undefined): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), 'keepsake-postmaster-test-'));
  onTestFinished(() => rm(data, { recursive: true, force: true }));
  if (lock !== undefined) await writeFile(join(data, 'postmaster.pid'), lock);
  return data;
}

const lock = (pid: number, status: string): string => `${pid}\n/data\n1700000000\n5432\n\n127.0.0.1\n 1 2\n${status}\n`;

describe('the lock file of a data folder', () => {
  it('says who runs there and how far it is', async () => {
    expect(await readPostmaster(await dataWith(undefined))).toBeUndefined();
    expect(await readPostmaster(await dataWith(lock(12, 'ready   ')))).toEqual({ pid: 12, status: 'ready' });
    expect(await readPostmaster(await dataWith(lock(12, 'stopping')))).toEqual({ pid: 12, status: 'stopping' });
    expect(await readPostmaster(await dataWith('12\n/data\n'))).toEqual({ pid: 12, status: 'starting' });
  });

  it.each([
    ['its process is another program by now', process.pid],
    ['its process is gone', 2 ** 30],
    ['it is damaged', Number.NaN],
  ])('is stale and removed when %s', async (_, pid) => {
    const data = await dataWith(lock(pid, 'ready'));
    expect(await runningPostmaster(data)).toBeUndefined();
    expect(existsSync(join(data, 'postmaster.pid'))).toBe(false);
  });
});
