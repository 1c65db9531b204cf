/** The Postgres store passes the contract suite over a Kysely dialect, too: PGlite, PostgreSQL inside of this process. */
import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { EVERYTHING, namespaceName } from '../../src/kernel/names.js';
import { createPostgresStore } from '../../src/postgres/store.js';
import { describeStoreContract } from '../../src/testing/main.js';
import { pgliteDialect } from '../support/pglite-dialect.js';

const LOAD_DEADLINE = 600_000;
const scopes = (namespace: string) => ({
  scopeNames: [namespaceName(namespace), EVERYTHING],
  loadDeadline: LOAD_DEADLINE,
});

let database: PGlite;

beforeAll(async () => {
  database = await PGlite.create();
}, 60_000);

afterAll(async () => {
  await database.close();
});

describeStoreContract('postgres over PGlite', {
  describe,
  it,
  async create() {
    const build = (namespace: string) =>
      createPostgresStore({
        connection: { dialect: pgliteDialect(database) },
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
        await database.exec(`
          update cache set expiresattime = expiresattime - ${by}, absoluteexpiration = absoluteexpiration - ${by},
            written_at = written_at - ${by}, stale_until = stale_until - ${by}, refresh_at = refresh_at - ${by}, retry_at = retry_at - ${by};
          update cache_invalidations set at = at - ${by};
          update cache_locks set held_until = held_until - ${by}`);
      },
      aged: (token, ms) => ({ ...token, at: String(Number(token.at) - ms / 1000) }),
      async close() {
        for (const opened of [store, second, neighbour]) await opened.close();
      },
    };
  },
});
