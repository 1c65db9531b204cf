/** `keepsake watch`: whoever changes a row of the table invalidates its tags from now on. */
import { withConnection } from '../../postgres/watch/connection.js';
import { type WatchOptions, watchTable, watchTableSql } from '../../watch-table.js';
import type { Command, Invocation } from '../command.js';
import { connectionOf } from '../target.js';
import { WATCHED_TABLE_OPTIONS, watchedTableOf } from '../watched-table.js';

export const watchCommand: Command = {
  name: 'watch',
  usage: '<table> [--key <column>] [--sql]',
  summary:
    'makes a table invalidate its tags, whoever writes to it; --key, --tag, --ignore and --namespace can be repeated',
  options: {
    key: {
      type: 'string',
      placeholder: '<column>',
      summary: 'of the key, in the order of the tag; default: the primary key',
    },
    tag: { type: 'string', placeholder: '<template>', summary: "one more tag, such as 'tenant:{tenant_id}:users'" },
    ignore: { type: 'string', placeholder: '<column>', summary: 'a column whose change does not matter' },
    sql: { type: 'boolean', summary: 'print the SQL instead' },
    ...WATCHED_TABLE_OPTIONS,
  },
  operands: { least: 1, most: 1 },
  async run(invocation) {
    const { target, options, print } = invocation;
    const watch = watchOf(invocation);
    if (options['sql'] === true) {
      const sql = await withConnection(connectionOf(target), (client) => watchTableSql(client, watch));
      print(sql === '' ? '-- Nothing to do: the table is watched in this way already.' : sql.trimEnd());
      return 0;
    }
    const { tags, tables, outcome } = await withConnection(connectionOf(target), (client) => watchTable(client, watch));
    print(
      outcome === 'unchanged'
        ? 'Nothing to do: the table is watched in this way already.'
        : `watched  ${tables.join(', ')}`,
    );
    print(`tags     ${tags.join(', ')}`);
    return 0;
  },
};

function watchOf(invocation: Invocation): WatchOptions {
  const { all } = invocation;
  const given = (option: string): readonly string[] | undefined => (all(option).length === 0 ? undefined : all(option));
  return {
    ...watchedTableOf(invocation),
    key: given('key'),
    tags: given('tag'),
    ignore: given('ignore'),
    namespaces: given('namespace'),
  };
}
