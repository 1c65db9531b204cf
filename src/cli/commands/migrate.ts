/** `keepsake migrate`: creates and upgrades the tables, or prints how. */
import { CACHE_DEFAULTS } from '../../kernel/defaults.js';
import { applyMigrations, printMigrations } from '../../postgres/apply-migrations.js';
import type { Command } from '../command.js';
import { UsageError } from '../option.js';
import { connectionOf } from '../target.js';

export const migrateCommand: Command = {
  name: 'migrate',
  usage: '[--sql]',
  summary: 'creates the tables, or brings them up to date',
  options: {
    sql: {
      type: 'boolean',
      summary: 'print the SQL instead: of what the database lacks; without a connection, all of it',
    },
    durability: {
      type: 'string',
      placeholder: '<how>',
      summary: `of new entries tables: unlogged or logged; default: ${CACHE_DEFAULTS.durability}`,
    },
  },
  operands: { least: 0, most: 0 },
  async run({ target, options, print }) {
    const { schema, table, prefix } = target;
    const names = { schema, table, prefix, durability: durabilityOf(options['durability']) };
    if (options['sql'] === true) {
      const { pending, sql } = await printMigrations({ ...names, connection: target.connection });
      print(pending.length === 0 ? '-- Nothing to do: every migration was applied.' : sql.trimEnd());
      return 0;
    }
    const applied = await applyMigrations({ ...names, connection: connectionOf(target) });
    for (const name of applied) print(`applied  ${name}`);
    print(applied.length === 0 ? 'Nothing to do: every migration was applied.' : `${applied.length} applied.`);
    return 0;
  },
};

function durabilityOf(given: string | boolean | undefined): 'unlogged' | 'logged' {
  if (given === undefined) return CACHE_DEFAULTS.durability;
  if (given === 'unlogged' || given === 'logged') return given;
  throw new UsageError('Expected `--durability` to be `unlogged` or `logged`');
}
