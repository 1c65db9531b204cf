/** One run: a cluster under load and one fault; then, without load, what everybody holds is compared with the source (INVARIANT 2). */
import { setTimeout as sleep } from 'node:timers/promises';
import { Auditor } from './auditor.js';
import { Cluster, type ClusterSetup } from './cluster.js';
import type { Fault, FaultContext } from './faults/fault.js';
import { now, pause } from './monotonic.js';
import { Random } from './random.js';
import { type RunResult, summarise } from './report/result.js';
import type { HarnessServer } from './server.js';
import { WRITE_KINDS } from './worker/protocol.js';

/** How often processes ask for what they may have missed, in milliseconds: the default of every cache. */
const HEARTBEAT = 100;

export interface RunOptions {
  readonly setup: Omit<ClusterSetup, 'network' | 'skew' | 'subject'> & Pick<Partial<ClusterSetup>, 'skew' | 'subject'>;
  /** What was asked for, whatever faults and forms would choose. */
  readonly asked?: Partial<ClusterSetup> | undefined;
  readonly seconds: number;
  readonly form: 'full' | 'short';
}

export interface RunObserver {
  begin(fault: Fault): void;
  note(line: string): void;
  end(result: RunResult): void;
}

/** Runs faults one after the other on one cluster. */
export async function run(
  server: HarnessServer,
  faults: readonly Fault[],
  options: RunOptions,
  observer: RunObserver,
): Promise<void> {
  const cluster = await Cluster.start(server, clusterSetup(faults, options));
  try {
    for (const fault of faults) {
      observer.begin(fault);
      observer.end(await runOne(cluster, fault, options, observer));
    }
  } finally {
    await cluster.close();
  }
}

function clusterSetup(faults: readonly Fault[], { setup, asked }: RunOptions): ClusterSetup {
  const network = faults.some((fault) => fault.network === 'proxied') ? 'proxied' : 'direct';
  const ofFaults = Object.assign({}, ...faults.map((fault) => fault.setup)) as Partial<ClusterSetup>;
  return { subject: 'keepsake', skew: () => 0, ...setup, ...ofFaults, ...asked, network };
}

async function runOne(
  cluster: Cluster,
  fault: Fault,
  { seconds, form }: RunOptions,
  observer: RunObserver,
): Promise<RunResult> {
  const began = now();
  await cluster.begin(fault.writes ?? WRITE_KINDS);
  const auditor = await Auditor.start(cluster);
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), Math.max(seconds, fault.leastSeconds ?? 0) * 1_000);
  try {
    const context = contextOf(cluster, stop.signal, form, observer);
    await fault.run(context);
    // A fault that has nothing left to do leaves the load running.
    await context.pause(Number.POSITIVE_INFINITY);
    await cluster.end();
    await converge(cluster);
  } finally {
    clearTimeout(timer);
    await auditor.stop();
  }
  cluster.checker.finish();
  return summarise(fault, cluster, (now() - began) / 1_000);
}

function contextOf(
  cluster: Cluster,
  signal: AbortSignal,
  form: RunOptions['form'],
  observer: RunObserver,
): FaultContext {
  return {
    cluster,
    signal,
    form,
    random: new Random(cluster.setup.seed + 7),
    note: (line) => observer.note(line),
    pause: async (ms) => {
      const bounded = Number.isFinite(ms) ? ms : 2 ** 30;
      await sleep(bounded, undefined, { signal }).catch(() => undefined);
    },
  };
}

/** INVARIANT 2: a heartbeat and a local lease after the load, both tiers of everybody equal the source. */
async function converge({ members, checker, server, setup }: Cluster): Promise<void> {
  await Promise.all(members.map(({ process }) => process.send('warm', null)));
  await pause(HEARTBEAT + setup.localLease);
  const rows = await server.ask<{ id: number; version: string }>(`select id, version from ${setup.schema}.source`);
  const truth = new Map(rows.map(({ id, version }) => [id, Number(version)]));
  const all = await Promise.all(members.map(({ process }) => process.send('contents', null)));
  let compared = 0;
  for (const [worker, contents] of all.entries()) {
    for (const { method, key, local, shared } of contents) {
      for (const [tier, version] of [['local', local] as const, ['shared', shared] as const]) {
        if (version === undefined) continue;
        compared += 1;
        if (version === truth.get(key)) continue;
        const what = `process ${worker}: the ${tier} tier holds version ${version} of ${method}:${key}`;
        checker.violate('2', `${what}, the source has ${truth.get(key)}`);
      }
    }
  }
  if (compared === 0) checker.violate('2', 'after the load no tier held anything: nothing was compared');
}
