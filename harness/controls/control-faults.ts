/** Under which circumstances each broken protocol shows what is wrong with it: mostly under none. */
import type { ClusterSetup } from '../cluster.js';
import type { Fault } from '../faults/fault.js';
import { listenKilled } from '../faults/network.js';
import type { Control } from '../worker/protocol.js';

interface ControlRun {
  readonly fault: Fault;
  readonly setup: Partial<ClusterSetup>;
}

/** Few keys that are written often: what can go wrong does, within seconds and on any machine. */
const DENSE = { keys: 6, readers: 4, writers: 3, writePause: 8 } as const;

const quiet: Fault = {
  name: 'quiet',
  title: 'no fault',
  network: 'direct',
  needs: 'any server',
  run: async ({ pause }) => pause(Number.POSITIVE_INFINITY),
};

export const CONTROL_FAULTS: Readonly<Record<Control, ControlRun>> = {
  'delete-then-notify': { fault: quiet, setup: { ...DENSE, subject: 'delete-then-notify' } },
  'skewed-clock': {
    fault: quiet,
    setup: { ...DENSE, subject: 'skewed-clock', skew: (worker) => (worker === 0 ? -50 : 0) },
  },
  'no-flush': { fault: listenKilled, setup: { ...DENSE, subject: 'no-flush' } },
};
