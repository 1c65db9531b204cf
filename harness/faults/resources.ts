/** Faults of a server that has run out of something for the caches, while the application's own data is there. */
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

/** Longer than the local lease each time, so that nobody lives on copies alone. */
async function inTurn(context: FaultContext, wrong: string, right: string): Promise<void> {
  const { server, setup } = context.cluster;
  await repeat(context, context.form === 'short' ? 300 : 3_000, async () => {
    await server.alterCaches(wrong);
    await context.pause(setup.localLease + 1_000);
    await server.alterCaches(right);
  });
}
