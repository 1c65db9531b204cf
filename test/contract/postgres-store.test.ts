/** The Postgres store passes the contract suite; time is moved by moving every instant in the rows and the log. */
import { describe, it } from 'vitest';
import { EVERYTHING, namespaceName } from '../../src/kernel/names.js';
import { createPostgresStore } from '../../src/postgres/store.js';
import { describeStoreContract } from '../../src/testing/main.js';
import { testNames, useDatabase, usePool } from '../support/database.js';

const database = useDatabase();
const pool = usePool(database);
const names = testNames();
const LOAD_DEADLINE = 600_000;

const scopes = (namespace: string) => ({
  scopeNames: [namespaceName(namespace), EVERYTHING],
  loadDeadline: LOAD_DEADLINE,
});

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
const table = (suffix: string) => `${quote(names.schema)}.${quote(`${names.prefix}cache${suffix}`)}`;

describeStoreContract('postgres', {
  describe,
  it,
  async create() {
    const build = (namespace: string) =>
      createPostgresStore({
        connection: database.url,
        ...names,
        ...scopes(namespace),
        timeouts: { read: 5000, write: 5000 },
      });
    const [store, second, neighbour] = [build('one'), build('one'), build('two')];
    await store.open();
    await second.open();
    await neighbour.open();
    return {
      store,
      second,
      neighbour,
      options: scopes('one'),
      async advance(ms) {
        const by = `interval '${ms} milliseconds'`;
        await pool().query(`
          update ${table('')} set expiresattime = expiresattime - ${by}, absoluteexpiration = absoluteexpiration - ${by},
            written_at = written_at - ${by}, stale_until = stale_until - ${by}, refresh_at = refresh_at - ${by}, retry_at = retry_at - ${by};
          update ${table('_invalidations')} set at = at - ${by};
          update ${table('_locks')} set held_until = held_until - ${by}`);
      },
      aged: (token, ms) => ({ ...token, at: String(Number(token.at) - ms / 1000) }),
      async close() {
        for (const opened of [store, second, neighbour]) await opened.close();
      },
    };
  },
});
