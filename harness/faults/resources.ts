/** Faults of a server that has run out of something for the caches, while the application's own data is there. */
import { SmallTablespace } from '../small-tablespace.js';
import { type Fault, type FaultContext, repeat } from './fault.js';

export const outOfConnections: Fault = {
  name: 'out-of-connections',
  title: 'the server has no connection left for any cache (53300), and has again',
  network: 'direct',
  needs: 'own server',
  run: (context) => inTurn(context, 'connection limit 0', 'connection limit -1'),
};

export const readOnly: Fault = {
  name: 'read-only',
  title: 'everything is read-only to the caches, and is not again',
  network: 'direct',
  needs: 'own server',
  run: (context) => inTurn(context, 'set default_transaction_read_only = on', 'reset default_transaction_read_only'),
};

export const diskFull: Fault = {
  name: 'disk-full',
  title: 'the disk of the cache’s tables is full (53100), and has room again',
  network: 'direct',
  needs: 'small disk',
  run: async (context) => {
    const { server, setup } = context.cluster;
    const disk = await SmallTablespace.under(server, setup.schema);
    try {
      await alternately(
        context,
        () => disk.fill(),
        async () => disk.free(),
      );
    } finally {
      await disk.remove();
    }
  },
};

async function inTurn(context: FaultContext, wrong: string, right: string): Promise<void> {
  const { server } = context.cluster;
  await alternately(
    context,
    () => server.alterCaches(wrong),
    () => server.alterCaches(right),
  );
}

/** Longer than the local lease each time, so that nobody lives on copies alone. */
async function alternately(
  context: FaultContext,
  worsen: () => Promise<void>,
  mend: () => Promise<void>,
): Promise<void> {
  await repeat(context, context.form === 'short' ? 300 : 3_000, async () => {
    await worsen();
    await context.pause(context.cluster.setup.localLease + 1_000);
    await mend();
  });
}
