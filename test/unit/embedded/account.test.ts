import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Account, closedAncestor, openTo, serverAccount } from '../../../src/embedded/account.js';

const stranger: Account = { name: 'stranger', uid: 54_321, gid: 54_321 };

async function nested(): Promise<{ outer: string; inner: string }> {
  const outer = await mkdtemp(join(tmpdir(), 'keepsake-account-test-'));
  onTestFinished(() => rm(outer, { recursive: true, force: true }));
  await chmod(outer, 0o755);
  const inner = join(outer, 'inner');
  await mkdir(inner, { mode: 0o755 });
  return { outer, inner };
}

describe('what another account can reach', () => {
  it('is everything whose ancestors may all be entered', async () => {
    const { outer, inner } = await nested();
    expect(await closedAncestor(inner, stranger)).toBeUndefined();
    await chmod(outer, 0o750);
    expect(await closedAncestor(inner, stranger)).toBe(outer);
  });

  it('is everything for ourselves', async () => {
    const { outer, inner } = await nested();
    await chmod(outer, 0o000);
    expect(await closedAncestor(inner, undefined)).toBeUndefined();
    await chmod(outer, 0o700);
  });

  it('is open for making files only with the right to write', async () => {
    const { inner } = await nested();
    expect(await openTo(inner, stranger)).toBe(false);
    await chmod(inner, 0o1777);
    expect(await openTo(inner, stranger)).toBe(true);
  });

  it('follows the rights of the owner, then of the group, then of all others', async () => {
    const { inner } = await nested();
    const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
    await chmod(inner, 0o077);
    expect(await openTo(inner, { name: 'owner', uid, gid })).toBe(false);
    await chmod(inner, 0o030);
    expect(await openTo(inner, { name: 'member', uid: stranger.uid, gid })).toBe(true);
    expect(await openTo(inner, stranger)).toBe(false);
    await chmod(inner, 0o700);
  });
});

describe.skipIf(process.getuid?.() !== 0)('the account of the server (needs root)', () => {
  it('is the first that exists', async () => {
    expect(await serverAccount(['no-such-user', 'nobody'])).toMatchObject({ name: 'nobody' });
  });

  it('is never root under another name, and without one there is an error that says what to do', async () => {
    await expect(serverAccount(['root', 'no-such-user'])).rejects.toMatchObject({
      code: 'EMBEDDED_FAILED',
      message: expect.stringContaining('useradd'),
    });
  });
});
