import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CACHE_DEFAULTS, POLICY_DEFAULTS } from '../../../src/kernel/defaults.js';
import { parseDuration } from '../../../src/kernel/duration.js';
import { CACHE_OPTIONS, type OptionDescription, POLICY_OPTIONS } from '../../../src/kernel/options.js';
import type { Policy } from '../../../src/kernel/policy.js';
import { resolvePolicy } from '../../../src/kernel/resolve-policy.js';

const PAGE = readFileSync(new URL('../../../docs/policies.md', import.meta.url), 'utf8');

/** A table of the docs. */
function table(options: Readonly<Record<string, OptionDescription>>): string {
  const rows = Object.entries(options).map(([option, { takes, zero, never, default: byDefault, description }]) => {
    const also = [zero === 'allowed' ? ', `0`' : '', never === 'allowed' ? ', `Infinity`' : ''].join('');
    return `| \`${option}\` | ${takes}${also} | ${byDefault} | ${description} |`;
  });
  return ['| option | takes | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

const END = '\n<!-- end -->';

/** The page with this table between the marks. */
function withTable(page: string, mark: string, content: string): string {
  const from = page.indexOf(`<!-- ${mark} -->\n`);
  const to = page.indexOf(END, from);
  if (from < 0 || to < 0) throw new Error(`There are no marks of the ${mark} in docs/policies.md`);
  return `${page.slice(0, from)}<!-- ${mark} -->\n\n${content}\n${page.slice(to)}`;
}

/** The constants, by the names the tables use: `timeouts.read`. */
function flat(defaults: object, prefix = ''): Map<string, unknown> {
  const all = new Map<string, unknown>();
  for (const [name, value] of Object.entries(defaults)) {
    if (typeof value !== 'object' || value === null) all.set(prefix + name, value);
    else for (const [inner, nested] of flat(value, `${prefix}${name}.`)) all.set(inner, nested);
  }
  return all;
}

/** A documented default as a value: `'30s'` for durations, a number, MiB, true. */
function readDefault({ takes, default: text }: OptionDescription, expected: unknown): unknown {
  const code = /^`'?([^`']*)'?`/.exec(text)?.[1];
  if (text.endsWith(' MiB')) return Number.parseFloat(text) * 1024 * 1024;
  if (code === undefined || typeof expected === 'string') return code;
  if (typeof expected === 'boolean') return code === 'true';
  return takes === 'count' || text.endsWith(' bytes')
    ? Number(code)
    : parseDuration(code, 'x', { zero: 'allowed', never: 'allowed' });
}

describe('docs/policies.md', () => {
  it('has the tables of options as the code knows them (`npm run docs` writes them)', async () => {
    const page = withTable(PAGE, 'policy options', table(POLICY_OPTIONS));
    await expect(withTable(page, 'cache options', table(CACHE_OPTIONS))).toMatchFileSnapshot(
      '../../../docs/policies.md',
    );
  });

  it('shows only policies that work', () => {
    const shown = [...PAGE.matchAll(/^(\{ .* \})\s*\/\/ /gm)].map(([, policy]) => policy ?? '');
    expect(shown.length).toBeGreaterThan(5);
    for (const text of shown) {
      const policy = new Function(`return ${text}`)() as Policy;
      expect(() => resolvePolicy([policy], text), text).not.toThrow();
    }
  });
});

describe('documented defaults', () => {
  const { jitter, tags, ...plain } = POLICY_DEFAULTS;

  it.each(Object.entries(plain))('%s is the default that is in force', (option, value) => {
    const described: Readonly<Record<string, OptionDescription>> = POLICY_OPTIONS;
    expect(readDefault(described[option] ?? { takes: '', default: '', description: '' }, value)).toBe(value);
  });

  it('jitter and tags are those in force', () => {
    expect(POLICY_OPTIONS.jitter.default).toBe("`'10%'`, `'1m'` at most");
    expect(jitter).toEqual({ share: 0.1, most: 60_000 });
    expect([POLICY_OPTIONS.tags.default, ...tags]).toEqual(['none']);
  });

  it('what the page calls "none" is not set', () => {
    const resolved = resolvePolicy([{ expiresAt: 5 }], 'X');
    const { ttl, sliding, early, nullTtl, useCase, keyType } = resolved;
    expect([ttl, sliding, early, nullTtl, useCase, keyType]).toEqual(Array(6).fill(undefined));
  });

  it('every default of a cache is documented, and is the one in force', () => {
    const inForce = flat(CACHE_DEFAULTS);
    expect(Object.keys(CACHE_OPTIONS).sort()).toEqual([...inForce.keys()].sort());
    for (const [option, described] of Object.entries(CACHE_OPTIONS)) {
      expect([option, readDefault(described, inForce.get(option))]).toEqual([option, inForce.get(option)]);
    }
  });

  it('cannot be changed by anybody', () => {
    for (const constant of [
      POLICY_DEFAULTS,
      jitter,
      tags,
      CACHE_DEFAULTS,
      CACHE_DEFAULTS.local,
      CACHE_DEFAULTS.timeouts,
    ]) {
      expect(Object.isFrozen(constant)).toBe(true);
    }
  });
});
