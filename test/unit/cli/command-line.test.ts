import { describe, expect, it } from 'vitest';
import { runCommandLine, type Surroundings } from '../../../src/cli/command-line.js';
import { satisfies } from '../../../src/cli/versions.js';

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly errors: string;
}

async function keepsake(args: readonly string[], env: Surroundings['env'] = {}): Promise<Outcome> {
  const out: string[] = [];
  const errors: string[] = [];
  const status = await runCommandLine(args, {
    env,
    print: (line) => out.push(line),
    printError: (line) => errors.push(line),
  });
  return { status, out: out.join('\n'), errors: errors.join('\n') };
}

describe('keepsake', () => {
  it('--help names every command and option; a command has help of its own', async () => {
    const { status, out } = await keepsake(['--help']);
    expect(status).toBe(0);
    for (const word of [
      'migrate [--sql]',
      'doctor',
      'watch <table>',
      'unwatch <table>',
      '--connection <url>',
      '--schema',
      '--prefix',
      '--table',
      '--namespace',
    ])
      expect(out).toContain(word);
    const own = await keepsake(['migrate', '--help']);
    expect(own.out).toContain('Usage: keepsake migrate [--sql]');
    expect(own.out).toContain('--durability <how>');
    expect(out).not.toContain('--durability');
  });

  it('--version is that of package.json', async () => {
    const { default: manifest } = await import('../../../package.json', { with: { type: 'json' } });
    expect(await keepsake(['--version'])).toMatchObject({ status: 0, out: manifest.version });
  });

  it.each([
    [['docter'], 'There is no command `docter`, did you mean `doctor`?'],
    [['doctor', '--shema', 'x'], 'There is no option `--shema`, did you mean `--schema`?'],
    [['doctor', '--schema'], 'Expected `--schema` to be followed by <name>'],
    [['migrate', '--sql=yes'], 'Expected `--sql` without a value'],
    [['migrate', '--durability', 'both'], 'Expected `--durability` to be `unlogged` or `logged`'],
    [['migrate'], 'Set DATABASE_URL, or give `--connection <url>`'],
    [['doctor', '--connection', 'localhost'], 'Expected `connection` to be a URL'],
    [['doctor', 'twice'], 'Expected nothing after `doctor`, got 1 words'],
  ])('what cannot be understood says why and ends with 2: %j', async (args, message) => {
    const { status, out, errors } = await keepsake(args);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(errors).toContain(message);
  });

  it('nothing at all: the help, and status 2', async () => {
    const { status, out } = await keepsake([]);
    expect(status).toBe(2);
    expect(out).toContain('Usage: keepsake <command>');
  });

  it.each([
    ['a URL that lost its option', ['doctor', 'postgres://app:hunter2@host/shop']],
    ['a URL instead of a command', ['postgres://app:hunter2@host/shop']],
    ['a URL as an option', ['doctor', '--postgres://app:hunter2@host/shop']],
    ['a URL that no driver reads', ['doctor', '--connection', 'postgres://app:hunter2@host:port/shop']],
    [
      'a password that a parser takes for a port and a database',
      ['doctor', '--connection=postgres://app:1/hunter2@h/shop'],
    ],
  ])('a password is never printed: %s', async (_what, args) => {
    const { status, out, errors } = await keepsake(args);
    expect(status).not.toBe(0);
    expect(out + errors).not.toContain('hunter2');
  });

  it('migrate --sql without a connection prints everything, with the names that were given', async () => {
    const { status, out } = await keepsake([
      'migrate',
      '--sql',
      '--schema',
      'My "odd" schema',
      '--prefix',
      'p_',
      '--durability',
      'logged',
    ]);
    expect(status).toBe(0);
    expect(out).toMatch(/^begin;\n/);
    expect(out).toMatch(/\ncommit;$/);
    expect(out).toContain('create schema if not exists "My ""odd"" schema"');
    expect(out).toMatch(/create\s+table "My ""odd"" schema"."p_cache"/);
    expect(out).toContain('-- 0001_entries_and_invalidations');
    expect(out).not.toMatch(/create unlogged table "My ""odd"" schema"."p_cache" /);
  });
});

it.each([
  ['20.19.0', '>=20.19', true],
  ['20.18.9', '>=20.19', false],
  ['22.0.0', '>=20.19', true],
  ['0.28.18', '>=0.28 <0.30', true],
  ['0.30.0', '>=0.28 <0.30', false],
  ['8.23.1', '^8.16.0', true],
  ['8.15.9', '^8.16.0', false],
  ['9.0.0', '^8.16.0', false],
  ['18.4.0-beta.17', '>=18.0.0-beta', true],
])('version %s in %s: %s', (version, range, expected) => {
  expect(satisfies(version, range)).toBe(expected);
});
