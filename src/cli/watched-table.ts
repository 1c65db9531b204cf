/** Which table a command is about that is not one of the cache's own. */
import type { WatchedTableName } from '../watch-table.js';
import type { Invocation } from './command.js';
import type { OptionSpec } from './option.js';

export const WATCHED_TABLE_OPTIONS = {
  'table-schema': {
    type: 'string',
    placeholder: '<name>',
    summary: 'schema of the watched table; default: what stands before the first point in <table>, else public',
  },
} as const satisfies Readonly<Record<string, OptionSpec>>;

/** The table of the first operand: `users`, `app.users`, or any name together with `--table-schema`. */
export function watchedTableOf({ target, options, operands }: Invocation): WatchedTableName {
  const [name = ''] = operands;
  const { schema: cacheSchema, table: cacheTable, prefix } = target;
  const cache = { schema: cacheSchema, table: cacheTable, prefix };
  const schema = options['table-schema'];
  if (typeof schema === 'string') return { table: name, schema, cache };
  const point = name.indexOf('.');
  return point === -1 ? { table: name, cache } : { table: name.slice(point + 1), schema: name.slice(0, point), cache };
}
