/** A file system of a few megabytes (tmpfs), to be filled; mounting one takes root, and a system that lets root mount. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEGABYTE = 2 ** 20;

export class SmallDisk {
  /** Where it is mounted. */
  readonly path: string;
  readonly #root: string;

  /** Mounts one of so many megabytes, owned by a user of the system. */
  constructor(megabytes: number, owner: { readonly uid: number; readonly gid: number }) {
    this.#root = mkdtempSync(join(tmpdir(), 'keepsake-small-disk-'));
    this.path = join(this.#root, 'disk');
    mkdirSync(this.path);
    try {
      const options = `size=${megabytes}m,uid=${owner.uid},gid=${owner.gid},mode=0755`;
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', this.path], { stdio: 'pipe' });
      // Others than root reach what is mounted through a folder that lets them pass.
      execFileSync('chmod', ['0755', this.#root]);
    } catch (error) {
      rmSync(this.#root, { recursive: true, force: true });
      throw error;
    }
  }

  /** Takes every byte that is left. */
  fill(): void {
    const more = Buffer.alloc(MEGABYTE / 16);
    for (let written = 0; written < 1_024; written += 1) {
      try {
        writeFileSync(join(this.path, 'filler'), more, { flag: 'a' });
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return;
        throw error;
      }
    }
    throw new Error('It is not small');
  }

  /** Gives back what `fill` took. */
  free(): void {
    rmSync(join(this.path, 'filler'), { force: true });
  }

  /** Unmounts it, also while somebody still has files of it open, and removes the folder it was in. */
  unmount(): void {
    execFileSync('umount', ['--lazy', this.path], { stdio: 'pipe' });
    rmdirSync(this.path);
    rmdirSync(this.#root);
  }
}

/** Whether one can be mounted here; tests without it are skipped under a title that says so. */
export function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    new SmallDisk(1, { uid: 0, gid: 0 }).unmount();
    return true;
  } catch {
    return false;
  }
}
