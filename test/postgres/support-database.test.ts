import pg from 'pg';
import { describe, expect, inject, it } from 'vitest';
import { createDatabase, testNames, useDatabase, usePool } from '../support/database.js';

const exists = async (name: string): Promise<boolean> => {
  const client = new pg.Client({ connectionString: inject('databaseUrl') });
  await client.connect();
  const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
  await client.end();
  return rowCount === 1;
};

describe('databases for tests', () => {
  const database = useDatabase();
  const pool = usePool(database);

  it('useDatabase gives a database of its own', async () => {
    const { rows } = await pool().query('select current_database() as name');
    expect(rows).toEqual([{ name: database.name }]);
  });

  it('drop removes a database although somebody is connected', async () => {
    const { url, name, drop } = await createDatabase();
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    await drop();
    expect(await exists(name)).toBe(false);
    await drop();
    await client.end();
  });

  it('a template is prepared once, and every copy has its content', async () => {
    let prepared = 0;
    const template = {
      name: `support_${process.pid}`,
      prepare: async (url: string) => {
        prepared += 1;
        const client = new pg.Client({ connectionString: url });
        await client.connect();
        await client.query('create table marker as select 7 as value');
        await client.end();
      },
    };
    const copies = await Promise.all([createDatabase({ template }), createDatabase({ template })]);
    for (const { url, drop } of copies) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      expect((await client.query('select value from marker')).rows).toEqual([{ value: 7 }]);
      await client.end();
      await drop();
    }
    expect(prepared).toBe(1);
  });

  it('names to test with come from the environment', () => {
    expect(testNames({})).toEqual({ schema: 'public', prefix: '' });
    expect(testNames({ KEEPSAKE_TEST_SCHEMA: 'Odd "one"', KEEPSAKE_TEST_PREFIX: 'a-b ' })).toEqual({
      schema: 'Odd "one"',
      prefix: 'a-b ',
    });
  });
});
