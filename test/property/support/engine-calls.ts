/** Calls of the engine's model: users who ask for values, judge what they get and tamper with it, and the loaders they bring. */
import type { LoadContext } from '../../../src/engine/load-context.js';
import { LoadTimeoutError } from '../../../src/errors.js';
import { type Caller, ENTRIES, type Key, LOAD_DEADLINE, type Load, type Value } from './engine-history.js';
import type { ModelWorld, Process } from './engine-parts.js';
import { POLICIES, type Step } from './engine-steps.js';

type LoadStep = Extract<Step, { readonly do: 'getOrSet' }>;

export function callGetOrSet(world: ModelWorld, process: Process, step: LoadStep): void {
  const { key } = step;
  const caller = newCaller(world, process, 'getOrSet', key);
  const { tags, tiers } = ENTRIES[key];
  const options = {
    ...POLICIES[step.policy],
    tiers,
    useCase: String(caller.id),
    signal: caller.controller.signal,
    ...(step.tags === 'known' ? { tags } : {}),
  };
  const loader = (context: LoadContext): Promise<Value> => load(world, process, { caller, step, context });
  const getOrSet = world.breakage.getOrSet?.(process.cache) ?? process.cache.getOrSet.bind(process.cache);
  follow(world, caller, getOrSet(key, loader, options));
}

export function callGet(world: ModelWorld, process: Process, key: Key): void {
  const caller = newCaller(world, process, 'get', key);
  follow(world, caller, process.cache.get<Value>(key, { tiers: ENTRIES[key].tiers, useCase: String(caller.id) }));
}

function newCaller({ history }: ModelWorld, process: Process, kind: Caller['kind'], key: Key): Caller {
  const caller: Caller = {
    id: history.callers.length,
    kind,
    process: process.index,
    key,
    began: history.tick(),
    controller: new AbortController(),
    loads: 0,
    ended: undefined,
    answers: [],
    timeouts: [],
    store: 'well',
  };
  history.callers.push(caller);
  return caller;
}

function follow(world: ModelWorld, caller: Caller, answer: Promise<Value | undefined>): void {
  const { history } = world;
  const end = (text: string): void => {
    caller.ended = history.tick();
    world.say(`  caller ${caller.id} ${text}`);
    if (caller.answers.length !== 1)
      history.flag('32', `caller ${caller.id} ${text}, and was counted ${caller.answers.length} times`);
  };
  answer.then(
    (value) => {
      end(value === undefined ? 'got nothing' : `got ${value.id} (${caller.answers.at(-1)?.state})`);
      if (value === undefined) return;
      history.answered(caller, value);
      tamper(value);
    },
    (error: unknown) => {
      end(`failed: ${String(error)}`);
      if (caller.kind === 'get') history.flag('27', `get of caller ${caller.id} rejected with ${String(error)}`);
      if (isAbort(error) && !caller.controller.signal.aborted)
        history.flag('17', `caller ${caller.id} was cancelled by another`);
      const hard = error instanceof LoadTimeoutError && error.code === 'LOAD_TIMEOUT';
      if (hard && caller.timeouts.join() !== 'hard') history.flag('32', `caller ${caller.id} timed out uncounted`);
    },
  );
}

/** A loader: reads the source at one moment, and ends, well or not, at another. */
async function load(
  world: ModelWorld,
  process: Process,
  {
    caller,
    step,
    context: loading,
  }: { readonly caller: Caller; readonly step: LoadStep; readonly context: LoadContext },
): Promise<Value> {
  const { history } = world;
  const { key } = step;
  const { reason, signal } = loading;
  const own: Load = {
    id: world.nextId(),
    kind: 'load',
    key,
    process: process.index,
    began: history.tick(),
    ttl: POLICIES[step.policy]?.ttl ?? 0,
    version: 0,
    published: undefined,
    caller,
    reason,
    signal,
    ended: undefined,
  };
  world.say(`  load ${own.id} of ${key} begins for caller ${caller.id} in process ${process.index} (${reason})`);
  history.loadBegan(own);
  const heeded = step.heeds ? signal : undefined;
  try {
    await world.pass('loader', `load ${own.id} reads`, heeded);
    own.version = world.version(key);
    await world.pass('loader', `load ${own.id} ends`, heeded);
    heeded?.throwIfAborted();
    if (step.ending === 'error') throw new Error('the origin is down');
    if (step.ending === 'skip') loading.skip();
    if (step.tags === 'learned') loading.tags(...ENTRIES[key].tags);
    return { id: own.id, version: own.version, nested: { id: own.id } };
  } catch (error) {
    // One that was given up failed then, not now.
    const isHeard = history.tick().at - own.began.at < LOAD_DEADLINE;
    if (ENTRIES[key].tiers === 'local' && reason !== 'miss' && isHeard)
      history.postponed({ key, what: 'load', process: process.index, since: caller.began.seq });
    throw error;
  } finally {
    own.ended = history.tick();
    world.say(`  load ${own.id} ends`);
  }
}

/** What users do to values they were given. */
function tamper(value: Value): void {
  try {
    value.nested.id = -1;
  } catch {
    // Frozen: one of the ways to keep the promise.
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
