/** Faults of processes: killed, stopped, with a wrong clock; and what INVARIANT 13 says of their leases. */
import { now, pause, watchLateness } from '../monotonic.js';
import { type Fault, type FaultContext, repeat } from './fault.js';

/** INVARIANT 13: when a holder is gone, another takes over within this, in milliseconds. */
const TAKEOVER = 4_000;

/** How long a lease lasts that is not renewed, in milliseconds. */
const LEASE = 3_000;

export const none: Fault = {
  name: 'none',
  title: 'no fault; one load takes long, and its holder lives',
  network: 'direct',
  needs: 'any server',
  // Who invalidates everything makes everybody load again.
  writes: ['transactional', 'afterwards', 'stored'],
  run: async (context) => {
    const { cluster, form } = context;
    const ms = form === 'short' ? 2_500 : 10_000;
    const lateness = watchLateness();
    const calls = cluster.members.map(({ process }) => process.send('load', { name: 'alive', ms }));
    const loads = (await Promise.all(calls)).reduce((sum, { ran }) => sum + ran, 0);
    context.note(`a load of ${ms / 1_000} s that ${calls.length} processes wanted ran ${times(loads)}`);
    // Whoever does not get the processor for the time of a lease is no live holder.
    const late = lateness();
    if (loads !== 1 && late < LEASE) cluster.checker.violate('13', `a live holder’s load ran ${times(loads)}`);
    await context.pause(Number.POSITIVE_INFINITY);
  },
};

export const holderKilled: Fault = {
  name: 'holder-killed',
  title: 'a process is killed (-9) while it holds a lease, and another starts in its place',
  network: 'direct',
  needs: 'any server',
  // What is invalidated after the commit may die with its process; that is what transactions are for.
  writes: ['transactional'],
  run: async (context) => {
    const { cluster } = context;
    let round = 0;
    await repeat(context, 1_000, async () => {
      round += 1;
      const worker = cluster.members.length - 1;
      await takeOver(context, `killed ${round}`, async () => {
        await cluster.replace(worker);
      });
    });
  },
};

export const stopped: Fault = {
  name: 'stopped',
  title: 'a process is stopped for 10 s, in the middle of loads and with a lease, and goes on',
  network: 'direct',
  needs: 'any server',
  run: async (context) => {
    const { cluster, form } = context;
    let round = 0;
    await repeat(context, 1_000, async () => {
      round += 1;
      await takeOver(context, `stopped ${round}`, async () => {
        cluster.victim.process.signal('SIGSTOP');
        // All of it, also when the load is to end: a process that goes on too early has lost nothing.
        await pause(form === 'short' ? 4_000 : 10_000);
        cluster.victim.process.signal('SIGCONT');
      });
    });
  },
};

export const clockShifted: Fault = {
  name: 'clock-shifted',
  title: 'wall clocks jump by up to an hour, each process’s by itself',
  network: 'direct',
  needs: 'any server',
  run: async (context) => {
    const { cluster, random } = context;
    await repeat(context, 600, async () => {
      const { process } = random.pick(cluster.members);
      await process.send('shift', { ms: random.between(-3_600_000, 3_600_000) });
    });
    for (const { process } of cluster.members) await process.send('shift', { ms: 0 });
  },
};

/** The victim begins a load that would take long, another process waits for it; then something happens to the victim. */
async function takeOver(context: FaultContext, name: string, happens: () => Promise<void>): Promise<void> {
  const { cluster } = context;
  const { process: victim } = cluster.victim;
  const loading = victim.loading(name);
  // It never answers, or much too late.
  void victim.send('load', { name, ms: 30_000 }).catch(() => undefined);
  await loading;
  const waiting = cluster.member(0).process.send('load', { name, ms: 0 });
  await context.pause(300);
  const from = now();
  const lateness = watchLateness();
  const happening = happens();
  const { ran, at } = await waiting;
  const took = Math.round(at - from);
  // A machine that is late itself gives nobody 4 s of anything.
  const late = Math.round(lateness());
  await happening;
  context.note(`${name}: taken over after ${took} ms (the machine was ${late} ms late)`);
  if (ran !== 1) cluster.checker.violate('13', `${name}: nobody else loaded`);
  if (took > TAKEOVER + late)
    cluster.checker.violate('13', `${name}: taken over after ${took} ms, at most ${TAKEOVER}`);
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
