/** `keepsake unwatch`: removes what `keepsake watch` installed. */
import { withConnection } from '../../postgres/watch/connection.js';
import { unwatchTable, unwatchTableSql } from '../../watch-table.js';
import type { Command } from '../command.js';
import { connectionOf } from '../target.js';
import { WATCHED_TABLE_OPTIONS, watchedTableOf } from '../watched-table.js';

export const unwatchCommand: Command = {
  name: 'unwatch',
  usage: '<table> [--sql]',
  summary: 'removes the triggers of a watched table; what is cached is not told of changes any more',
  options: { sql: { type: 'boolean', summary: 'print the SQL instead' }, ...WATCHED_TABLE_OPTIONS },
  operands: { least: 1, most: 1 },
  async run(invocation) {
    const { target, options, print } = invocation;
    const table = watchedTableOf(invocation);
    if (options['sql'] === true) {
      print((await withConnection(connectionOf(target), (client) => unwatchTableSql(client, table))).trimEnd());
      return 0;
    }
    await withConnection(connectionOf(target), (client) => unwatchTable(client, table));
    print('Not watched any more.');
    return 0;
  },
};
