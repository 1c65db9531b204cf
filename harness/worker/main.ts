/** A worker process: one application instance with a cache, under load. Started by `WorkerProcess`; talks over its IPC channel. */
import { BrokenSubject } from '../controls/broken-subject.js';
import { now } from '../monotonic.js';
import { Random } from '../random.js';
import { KeepsakeSubject } from './keepsake-subject.js';
import { Load } from './load.js';
import { type Commands, type Contents, METHODS, type Told, type WorkerSetup } from './protocol.js';
import { Source } from './source.js';
import type { Subject } from './subject.js';
import { shiftWallClock } from './wall-clock.js';

/** How often the harness is told what happened, in milliseconds. */
const REPORT_EVERY = 200;

interface Running {
  readonly setup: WorkerSetup;
  readonly source: Source;
  readonly subject: Subject;
  readonly load: Load;
}

type Handlers = {
  [Command in keyof Commands]: (argument: Commands[Command]['argument']) => Promise<Commands[Command]['answer']>;
};

let running: Running | undefined;

function tell(told: Told): void {
  process.send?.(told);
}

function violation(text: string): void {
  tell({ kind: 'violation', rule: '27', text });
}

function current(): Running {
  if (running === undefined) throw new Error('The worker was not opened');
  return running;
}

async function open(setup: WorkerSetup): Promise<null> {
  if (setup.skew !== 0) shiftWallClock(setup.skew);
  const source = new Source(setup.source, setup.schema);
  const random = new Random(setup.seed);
  const subject =
    setup.subject === 'keepsake'
      ? new KeepsakeSubject(setup, source, random)
      : new BrokenSubject(setup.subject, setup, source, random);
  await subject.open();
  const load = new Load(setup, subject, violation);
  running = { setup, source, subject, load };
  setInterval(() => tell({ kind: 'report', report: load.report() }), REPORT_EVERY);
  return null;
}

/** What both tiers hold: first the local one, before asking the shared one could change it. */
async function contents(): Promise<readonly Contents[]> {
  const { subject, setup } = current();
  const keys = Array.from({ length: setup.keys }, (_, key) => key);
  const slots = keys.flatMap((key) => METHODS.map((method) => ({ method, key })));
  const local = await Promise.all(slots.map(({ method, key }) => subject.peek('local', method, key)));
  const shared = await Promise.all(slots.map(({ method, key }) => subject.peek('shared', method, key)));
  return slots.map((slot, index) => ({ ...slot, local: local[index], shared: shared[index] }));
}

const handlers: Handlers = {
  open,
  start: async ({ writes }) => {
    current().load.start(writes);
    return null;
  },
  stop: async () => {
    const { load } = current();
    await load.stop();
    tell({ kind: 'report', report: load.report() });
    return null;
  },
  warm: async () => {
    const { load } = current();
    await load.warm();
    tell({ kind: 'report', report: load.report() });
    return null;
  },
  contents,
  load: async ({ name, ms }) => {
    const ran = await current().subject.slow(name, ms, () => tell({ kind: 'loading', name }));
    return { ran, at: now() };
  },
  shift: async ({ ms }) => {
    shiftWallClock(ms);
    return null;
  },
  linger: async ({ key, ms }) => {
    const { subject, load } = current();
    await subject.linger(key, ms, (written) => load.oblige({ key, ...written }));
    return null;
  },
  flood: async ({ tags }) => {
    await current().subject.flood(tags);
    return null;
  },
  close: async () => {
    const { subject, source } = current();
    await subject.close();
    await source.close();
    setImmediate(() => process.disconnect());
    setImmediate(() => process.exit(0));
    return null;
  },
};

async function answer(id: number, command: keyof Commands, argument: unknown): Promise<void> {
  try {
    const handler = handlers[command] as (argument: unknown) => Promise<unknown>;
    tell({ kind: 'answer', id, value: await handler(argument) });
  } catch (error) {
    tell({ kind: 'failure', id, text: error instanceof Error ? (error.stack ?? String(error)) : String(error) });
  }
}

process.on('unhandledRejection', (error) => violation(`unhandled rejection: ${String(error)}`));
process.on('uncaughtException', (error) => violation(`uncaught exception: ${String(error.stack)}`));
process.on('message', ({ id, command, argument }: { id: number; command: keyof Commands; argument: unknown }) => {
  void answer(id, command, argument);
});
// The harness is gone: nothing is left to do.
process.on('disconnect', () => process.exit(1));
tell({ kind: 'ready' });
