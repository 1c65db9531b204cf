/** Our query class in the driver's hands: what it sends and answers, and that a connection is as good afterwards. */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Parameter, Pieces, type Row } from '../../src/postgres/statement.js';
import { TextQuery } from '../../src/postgres/text-query.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase();

async function connect(config: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url, ...config });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

function run(
  client: pg.Client,
  text: string,
  values: readonly Parameter[] = [],
  name?: string,
): Promise<readonly Row[]> {
  return new Promise((resolve, reject) => {
    const statement = name === undefined ? { text } : { text, name };
    client.query(new TextQuery(statement, values, (error, rows) => (error ? reject(error) : resolve(rows))));
  });
}

const prepared = (client: pg.Client) => run(client, 'select name from pg_prepared_statements order by name');

describe('TextQuery', () => {
  it('answers every column as text, and null; bytes, numbers and null are given as such', async () => {
    const client = await connect();
    const text = `select $1::text, $2::int + 1, $3::bytea, $4::text is null, null, array[$1, 'ü']`;
    expect(await run(client, text, ['é\n', 41, Buffer.from([0, 255]), null])).toEqual([
      ['é\n', '42', '\\x00ff', 't', null, '{"é\n",ü}'],
    ]);
    expect(await run(client, 'select where false')).toEqual([]);
    expect(await run(client, 'select n from generate_series(1, 1000) as n')).toHaveLength(1000);
  });

  it('sends whatever it is given as it is: long, empty, beyond ASCII, in pieces, and a thousand parameters', async () => {
    const client = await connect();
    const long = 'ü'.repeat(1_000_000);
    const pieces = new Pieces([long, Uint8Array.of(255, 0, 1).subarray(1), '', '🙂\ud800']);
    const bytes = Buffer.concat([Buffer.from(long), Buffer.from([0, 1]), Buffer.from('🙂\ufffd')]);
    expect(pieces.lengths).toEqual([2_000_000, 2, 0, 7]);
    expect(pieces.toBuffer().equals(bytes)).toBe(true);
    const text = `select length($1::text), $2::text = '', md5($3::bytea), length($4::bytea), $5::float8`;
    expect(await run(client, text, [long, '', pieces, new Pieces([]), Number.POSITIVE_INFINITY], 'naïve')).toEqual([
      ['1000000', 't', createHash('md5').update(bytes).digest('hex'), '0', 'Infinity'],
    ]);
    const numbers = Array.from({ length: 1000 }, (_, i) => i);
    const sum = numbers.map((i) => `$${i + 1}::int`).join(' + ');
    expect(await run(client, `select ${sum}`, numbers)).toEqual([['499500']]);
  });

  it('prepares a statement with a name once for each connection, and one without with every run', async () => {
    const client = await connect();
    for (const n of [1, 2, 3]) expect(await run(client, 'select $1::int', [n], 'named')).toEqual([[String(n)]]);
    await run(client, 'select 1');
    expect(await prepared(client)).toEqual([['named']]);
    expect(await run(await connect(), 'select $1::int', [4], 'named')).toEqual([['4']]);
  });

  it.each([
    ['that cannot be parsed', 'select nothing', '42703'],
    ['whose values are at fault', 'select $1::text::int', '22P02'],
  ])(
    'a statement %s rejects, again when it is repeated, and what comes after it on the connection is answered',
    async (_, text, code) => {
      const client = await connect();
      const values = text.includes('$1') ? ['no number'] : [];
      for (let tries = 0; tries < 2; tries += 1) {
        await expect(run(client, text, values, 'faulty')).rejects.toMatchObject({ code });
        expect(await run(client, 'select 1')).toEqual([['1']]);
      }
      if (values.length > 0) expect(await run(client, text, ['7'], 'faulty')).toEqual([['7']]);
    },
  );

  it('a connection that breaks rejects it', async () => {
    const [client, other] = [await connect(), await connect()];
    const [[pid] = []] = await run(client, 'select pg_backend_pid()');
    const sleeping = run(client, 'select pg_sleep(60)');
    await Promise.all([
      expect(sleeping).rejects.toMatchObject({ code: '57P01' }),
      run(other, 'select pg_terminate_backend($1::int)', [pid ?? '']),
    ]);
  });

  it("keeps the driver's own time limit", async () => {
    const client = await connect({ query_timeout: 50 });
    await expect(run(client, 'select pg_sleep(60)')).rejects.toThrow('Query read timeout');
  });

  it('hands on a row as it comes, while the server makes the next one', async () => {
    const [client, other] = [await connect(), await connect()];
    const [[pid] = []] = await run(client, 'select pg_backend_pid()');
    const rows: (string | null | undefined)[] = [];
    // More than the server keeps before it sends; the third row never comes.
    const text = `select n, repeat('x', 100000), case n when 3 then pg_sleep(600) end from generate_series(1, 3) as n`;
    const stopped = new Promise<readonly Row[]>((resolve, reject) => {
      const take = ([n]: Row): void => {
        rows.push(n);
        if (rows.length === 1) void run(other, 'select pg_cancel_backend($1::int)', [pid ?? '']);
      };
      client.query(new TextQuery({ text }, [], (error, all) => (error ? reject(error) : resolve(all)), take));
    });
    await expect(stopped).rejects.toMatchObject({ code: '57014' });
    expect(rows).toContain('1');
    expect(rows).not.toContain('3');
    expect(await run(client, 'select 1')).toEqual([['1']]);
  });

  it('that cannot use a row rejects when all of them have been read, and the connection is as good', async () => {
    const client = await connect();
    let taken = 0;
    const refused = new Promise((resolve, reject) => {
      const take = (): never => {
        taken += 1;
        throw new TypeError('not such a row');
      };
      const text = 'select n from generate_series(1, 1000) as n';
      client.query(new TextQuery({ text }, [], (error, all) => (error ? reject(error) : resolve(all)), take));
    });
    await expect(refused).rejects.toThrow('not such a row');
    expect(taken).toBe(1);
    expect(await run(client, 'select 1')).toEqual([['1']]);
  });

  it('is not given to what would not know what to do with it', async () => {
    expect(TextQuery.isTakenBy(await connect())).toBe(true);
    const [native, dialect] = [
      { native: {}, query: () => undefined },
      { query: () => undefined, connection: undefined },
    ];
    const inPipelines = Object.assign(await connect(), { pipeline: true });
    expect([native, dialect, inPipelines].map((client) => TextQuery.isTakenBy(client))).toEqual([false, false, false]);
    inPipelines.pipeline = false;
  });
});
