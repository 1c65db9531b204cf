/** Faults of PostgreSQL itself, and of what else goes on in it. */
import { type Fault, repeat } from './fault.js';

export const postgresKilled: Fault = {
  name: 'postgres-killed',
  title: 'PostgreSQL is killed (-9) with loads in flight, all of it or one process, and comes back',
  network: 'direct',
  needs: 'own server',
  // The locks under which values are set die with it.
  writes: ['transactional', 'afterwards', 'namespace'],
  run: async (context) => {
    const { cluster, random, form } = context;
    let round = 0;
    await repeat(context, form === 'short' ? 1_500 : 5_000, async () => {
      round += 1;
      if (round % 2 === 1) await cluster.server.killAndRestart(random.between(0, 800));
      else await cluster.server.crash();
    });
    await cluster.server.answering();
  },
};

export const longTransaction: Fault = {
  name: 'long-transaction',
  title: 'a transaction that changed and invalidated a row stays open, and so does one that only wrote',
  network: 'direct',
  needs: 'any server',
  run: async (context) => {
    const { cluster, form } = context;
    const writer = await cluster.server.connect();
    await writer.query('begin');
    await writer.query('select pg_current_xact_id()');
    const { keys } = cluster.setup;
    await repeat(context, 200, async () => {
      const key = keys - 1 - context.random.below(Math.min(4, keys));
      await cluster.member(0).process.send('linger', { key, ms: form === 'short' ? 1_000 : 4_000 });
    });
    await writer.query('commit');
    await writer.end();
  },
};

export const flood: Fault = {
  name: 'flood',
  title: 'the channel is flooded with messages, and the log with more names than a heartbeat tells',
  network: 'direct',
  needs: 'any server',
  run: async (context) => {
    const { cluster, random } = context;
    const client = await cluster.server.connect();
    let round = 0;
    await repeat(context, 50, async () => {
      round += 1;
      // Other people's messages, of the longest kind, each different so that none is folded into another.
      await client.query('select pg_notify($1, $2 || n) from generate_series(1, 100) n', [
        cluster.channel,
        'x'.repeat(7_900),
      ]);
      if (round % 20 === 10) await random.pick(cluster.members).process.send('flood', { tags: 12_000 });
    });
    await client.end();
  },
};
