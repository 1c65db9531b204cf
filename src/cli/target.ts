/** Which cache a command works on: the options that all commands share. */
import { CACHE_DEFAULTS } from '../kernel/defaults.js';
import { checkNamespace } from '../kernel/names.js';
import { type OptionSpec, UsageError } from './option.js';

export interface Target {
  /** The URL; undefined when none was given. */
  readonly connection: string | undefined;
  readonly listenConnection: string | undefined;
  readonly schema: string;
  readonly table: string;
  readonly prefix: string;
  readonly namespace: string;
}

export const TARGET_OPTIONS = {
  connection: {
    type: 'string',
    placeholder: '<url>',
    summary: 'PostgreSQL; default: DATABASE_URL, which other users of the machine cannot see',
  },
  'listen-connection': {
    type: 'string',
    placeholder: '<url>',
    summary: 'for LISTEN, where the connection goes through a pooler',
  },
  schema: { type: 'string', placeholder: '<name>', summary: `default: ${CACHE_DEFAULTS.schema}` },
  table: { type: 'string', placeholder: '<name>', summary: `default: ${CACHE_DEFAULTS.table}` },
  prefix: { type: 'string', placeholder: '<text>', summary: 'stands before the name of every table; default: none' },
  namespace: { type: 'string', placeholder: '<text>', summary: 'of the keys and tags; default: none' },
} as const satisfies Readonly<Record<string, OptionSpec>>;

/** Reads the target out of options, and out of the environment. Throws UsageError for a connection that is no URL. */
export function targetOf(
  given: Readonly<Record<string, string | boolean | undefined>>,
  env: Readonly<Record<string, string | undefined>>,
): Target {
  const text = (option: keyof typeof TARGET_OPTIONS): string | undefined => {
    const value = given[option];
    return typeof value === 'string' ? value : undefined;
  };
  const url = (option: 'connection' | 'listen-connection', value: string | undefined): string | undefined => {
    if (value === undefined || value === '') return undefined;
    if (/^postgres(?:ql)?:\/\//.test(value)) return value;
    throw new UsageError(`Expected \`${option}\` to be a URL (postgres://user:password@host:port/database)`);
  };
  return {
    connection: url('connection', text('connection') ?? env['DATABASE_URL']),
    listenConnection: url('listen-connection', text('listen-connection')),
    schema: text('schema') ?? CACHE_DEFAULTS.schema,
    table: text('table') ?? CACHE_DEFAULTS.table,
    prefix: text('prefix') ?? CACHE_DEFAULTS.prefix,
    namespace: checkNamespace(text('namespace') ?? CACHE_DEFAULTS.namespace),
  };
}

/** The connection, for a command that cannot do without. */
export function connectionOf({ connection }: Target): string {
  if (connection !== undefined) return connection;
  throw new UsageError('Which database? Set DATABASE_URL, or give `--connection <url>`');
}
