/** The end of a run of the engine's model: everything under way is brought to an end, and then nothing may be left of it. */
import { turnOfTheLoop } from '../../support/test-cache.js';
import { KEYS, LOCAL_LEASE } from './engine-history.js';
import type { Process } from './engine-parts.js';
import type { World } from './engine-world.js';

/** Ends what is under way, looks at every entry from every process, and checks the accounts and what is left. */
export async function finish(world: World): Promise<void> {
  const { processes, history, cluster } = world;
  world.say('the end');
  for (const { fault } of processes) fault.now = 'none';
  await drain(world);
  await lookAtAll(world);
  await cluster.clock.advanceAsync(LOCAL_LEASE);
  await lookAtAll(world);
  for (const process of processes) checkAccounts(world, process);
  for (const { index } of processes) world.ask({ do: 'clear', process: index });
  await drain(world);
  for (const process of processes) checkNothingLeft(world, process);
  for (const { cache } of processes) await cache.close();
  if (cluster.clock.timers > 0) history.flag('28', `${cluster.clock.timers} timers are left`);
}

async function lookAtAll(world: World): Promise<void> {
  for (const { index } of world.processes) for (const key of KEYS) world.ask({ do: 'get', process: index, key });
  await drain(world);
}

/** Opens all gates until nothing comes to one, and lets every timeout there is come due. */
async function drain(world: World): Promise<void> {
  const { history, processes } = world;
  for (let round = 0; round < 200; round += 1) {
    while (world.waiting > 0) {
      world.openAll();
      await turnOfTheLoop();
    }
    await turnOfTheLoop();
    const open =
      history.callers.some(({ ended }) => ended === undefined) ||
      history.changes.some(({ settled }) => settled === undefined);
    const background = processes.some(({ cache }) => cache.stats().underWay.background > 0);
    if (!open && !background && world.waiting === 0) return;
    await world.cluster.clock.advanceAsync(100);
  }
  history.flag('27', 'something never ended');
}

function checkAccounts({ history }: World, { index, cache }: Process): void {
  const counted = cache.stats();
  const mine = history.callers.filter(({ process }) => process === index);
  const loads = history.loads.filter(({ process }) => process === index);
  const answers = counted.fresh + counted.early + counted.stale + counted.misses + counted.bypassed;
  const endings = counted.loadsSucceeded + counted.loadsFailed + counted.loadsAbandoned;
  const accounts = [
    ['calls', counted.calls, mine.length],
    ['answers', answers, counted.calls],
    ['loads', counted.loads, loads.length],
    ['ends of loads', endings, counted.loads],
    ['soft timeouts', counted.softTimeouts, mine.filter(({ timeouts }) => timeouts.includes('soft')).length],
    ['hard timeouts', counted.hardTimeouts, mine.filter(({ timeouts }) => timeouts.includes('hard')).length],
  ] as const;
  for (const [what, said, happened] of accounts) {
    if (said !== happened) history.flag('32', `process ${index} counted ${said} ${what}, there were ${happened}`);
  }
}

function checkNothingLeft({ history }: World, { index, cache, namesAtRest }: Process): void {
  const { keys, background, names } = cache.stats().underWay;
  if (keys + background + names === namesAtRest) return;
  history.flag('29', `process ${index} remembers ${keys} keys, ${background} works, ${names - namesAtRest} names`);
}
