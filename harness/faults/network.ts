/** Faults of the network between the processes and the server. */
import type { Member } from '../cluster.js';
import { type Fault, type FaultContext, repeat } from './fault.js';

export const listenKilled: Fault = {
  name: 'listen-killed',
  title: 'listening connections are terminated, again and again',
  network: 'direct',
  needs: 'any server',
  run: async (context) => {
    const { server } = context.cluster;
    await repeat(context, 700, async () => {
      await server.ask(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'keepsake-listen'",
      );
    });
  },
};

export const halfOpen: Fault = {
  name: 'half-open',
  title: 'one process’s listening connection swallows everything and stays open',
  network: 'proxied',
  needs: 'any server',
  run: async (context) => {
    await inTurns(context, async ({ listen }) => {
      await listen?.behave('black-hole');
      // Longer than a heartbeat may be late, and than the local lease.
      await context.pause(context.cluster.setup.localLease + 2_000);
      await listen?.behave('pass');
      listen?.cut();
    });
  },
};

export const partitioned: Fault = {
  name: 'partitioned',
  title: 'one process cannot reach the shared tier at all: nothing answers, nothing is refused',
  network: 'proxied',
  needs: 'any server',
  run: async (context) => {
    await inTurns(context, async ({ pool, listen }) => {
      for (const proxy of [pool, listen]) await proxy?.behave('black-hole');
      await context.pause(context.cluster.setup.localLease + 1_000);
      for (const proxy of [pool, listen]) {
        await proxy?.behave('pass');
        proxy?.cut();
      }
    });
  },
};

export const latency: Fault = {
  name: 'latency',
  title: 'the network takes 5 to 60 ms each way',
  network: 'proxied',
  needs: 'any server',
  run: async (context) => {
    const { members } = context.cluster;
    const slow = (ms: number): void => {
      for (const { pool, listen } of members) for (const proxy of [pool, listen]) proxy?.slow(ms);
    };
    let delay = 5;
    slow(delay);
    // Growing only: a delay that shrinks would let data overtake data.
    await repeat(context, 1_000, async () => {
      delay = Math.min(60, delay * 2);
      slow(delay);
    });
    // Nothing may be on its way when the delay ends.
    slow(0);
    for (const { pool, listen } of members) for (const proxy of [pool, listen]) proxy?.cut();
  },
};

export const cut: Fault = {
  name: 'cut',
  title: 'connections are reset in the middle of batches',
  network: 'proxied',
  needs: 'any server',
  run: async (context) => {
    await repeat(context, 250, async () => {
      const { pool, listen } = context.random.pick(context.cluster.members);
      pool?.cut();
      if (context.random.chance(0.3)) listen?.cut();
    });
  },
};

/** Does something to one process after the other, always repairing it. */
async function inTurns(context: FaultContext, act: (member: Member) => Promise<void>): Promise<void> {
  let turn = 0;
  await repeat(context, 500, async () => {
    const { members } = context.cluster;
    turn += 1;
    await act(context.cluster.member(turn % members.length));
  });
}
