import { describe, expect, it } from 'vitest';
import { WorkerError, WorkerProcess } from '../../support/processes.js';

const worker = new URL('./echo-worker.ts', import.meta.url);

const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('WorkerProcess', () => {
  it('answers commands from a process of its own, each with its own answer', async () => {
    const echo = await WorkerProcess.spawn(worker);
    const answers = await Promise.all([echo.send('echo', { a: [1, null] }), echo.send('pid'), echo.send('echo')]);
    expect(answers).toEqual([{ a: [1, null] }, echo.pid, null]);
    expect(echo.pid).not.toBe(process.pid);
    expect(echo.lines).toEqual(['a line that is no answer']);
  });

  it('rejects with the error of the command, its code kept', async () => {
    const echo = await WorkerProcess.spawn(worker);
    await expect(echo.send('fail')).rejects.toThrow('RangeError: out of range');
    await expect(echo.send('fail')).rejects.toMatchObject({ code: 'TOO_FAR' });
    await expect(echo.send('nothing')).rejects.toThrow('no command `nothing`');
  });

  it('rejects with what the worker wrote to standard error when it ends before it answers', async () => {
    const echo = await WorkerProcess.spawn(worker);
    await expect(echo.send('die')).rejects.toThrow(/ended \(3\).*last words/s);
    await expect(echo.send('echo', 1)).rejects.toThrow(WorkerError);
  });

  it('kills a stopped worker too', async () => {
    const echo = await WorkerProcess.spawn(worker);
    echo.signal('SIGSTOP');
    expect(await echo.kill('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
    expect(alive(echo.pid)).toBe(false);
  });

  it('rejects when the program cannot start', async () => {
    await expect(WorkerProcess.spawn('/nowhere/worker.ts')).rejects.toThrow(/ended \(1\).*\/nowhere\/worker\.ts/s);
  });

  let left = 0;
  it('leaves a worker to be cleaned up', async () => {
    left = (await WorkerProcess.spawn(worker)).pid;
    expect(alive(left)).toBe(true);
  });
  it('has killed the worker of the test before', () => {
    expect(alive(left)).toBe(false);
  });
});
