/** A fault: what is done to the cluster while it is under load. */
import type { Cluster, ClusterSetup } from '../cluster.js';
import type { Random } from '../random.js';
import type { WriteKind } from '../worker/protocol.js';

export interface FaultContext {
  readonly cluster: Cluster;
  readonly random: Random;
  /** Aborted when the load is to end; a fault then repairs what it broke and returns. */
  readonly signal: AbortSignal;
  /** `short`: durations are shortened, so that a run of a few seconds meets the fault at all. */
  readonly form: 'full' | 'short';
  /** Waits; returns early when the load is to end. */
  pause(ms: number): Promise<void>;
  /** Prints a line about what was measured. */
  note(line: string): void;
}

export interface Fault {
  readonly name: string;
  /** What happens, for the report. */
  readonly title: string;
  readonly network: 'direct' | 'proxied';
  /** `own server`: its processes are killed, or its settings changed. `small disk`: that, and root who may mount one. */
  readonly needs: 'any server' | 'own server' | 'small disk';
  readonly setup?: Partial<ClusterSetup>;
  /** Runs at least this long, whatever was asked for: less would show nothing. */
  readonly leastSeconds?: number;
  /** Kinds of writes; default all. */
  readonly writes?: readonly WriteKind[];
  /** Runs until the signal. */
  readonly run: (context: FaultContext) => Promise<void>;
}

/** Repeats `act` with pauses until the load is to end. */
export async function repeat(context: FaultContext, every: number, act: () => Promise<void>): Promise<void> {
  for (;;) {
    await context.pause(every);
    if (context.signal.aborted) return;
    await act();
  }
}
