/** A model of what many calls do, in which an entry is a value with tags, fresh or stale; and random sequences of calls that are held against it. */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { CacheInstance } from '../../../src/engine/cache.js';
import type { Policy } from '../../../src/kernel/policy.js';

const KEYS = ['a', 'b', 'c%', 'd_', 'é'] as const;
const TAGS = ['s', 't', 'u'] as const;

/** Stale entries may be served, and a loader that has failed may be tried again at once. */
const POLICY = Object.freeze({ ttl: '1h', grace: '1h', backoff: 0, jitter: 0 } as const satisfies Policy);

type Value = number | string | null;

interface Modelled {
  readonly value: Value;
  readonly tags: readonly string[];
  readonly state: 'fresh' | 'stale';
}

type Model = Map<string, Modelled>;

/** What a loader has for a key; undefined = nothing, in a Map not even a place. */
type Loads = Value | undefined;

export type Command =
  | { readonly do: 'get' | 'has' | 'delete' | 'expire' | 'getEntry'; readonly key: string }
  | { readonly do: 'getMany' | 'deleteMany'; readonly keys: readonly string[] }
  | {
      readonly do: 'set' | 'setIfAbsent';
      readonly key: string;
      readonly value: Value;
      readonly tags: readonly string[];
    }
  | {
      readonly do: 'setMany';
      readonly pairs: readonly (readonly [key: string, value: Value])[];
      readonly tags: readonly string[];
    }
  | {
      readonly do: 'getOrSetMany';
      readonly keys: readonly string[];
      readonly loads: readonly Loads[];
      readonly answers: 'array' | 'map' | 'error';
      readonly tags: readonly string[];
    }
  | { readonly do: 'invalidateTags'; readonly tags: readonly string[]; readonly stale: boolean }
  | { readonly do: 'clear' | 'entries' };

/** A command, and which of the processes carries it out. */
export interface Step {
  readonly process: number;
  readonly command: Command;
}

const key = fc.constantFrom(...KEYS);
const keys = fc.oneof(fc.array(key, { maxLength: 6 }), fc.array(key, { minLength: 1, maxLength: 2 }));
const tags = fc.uniqueArray(fc.constantFrom(...TAGS), { maxLength: 2 });
const value: fc.Arbitrary<Value> = fc.oneof(fc.nat(99), fc.constantFrom(null, '', 'text'));

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ do: fc.constantFrom('get', 'has', 'delete', 'expire', 'expire', 'getEntry'), key }),
  fc.record({ do: fc.constantFrom('getMany', 'deleteMany'), keys }),
  fc.record({ do: fc.constantFrom('set', 'setIfAbsent'), key, value, tags }),
  fc.record({ do: fc.constant('setMany'), pairs: fc.array(fc.tuple(key, value), { maxLength: 6 }), tags }),
  fc.record({
    do: fc.constant('getOrSetMany'),
    keys,
    loads: fc.array(fc.oneof(value, fc.constant(undefined)), { minLength: KEYS.length, maxLength: KEYS.length }),
    answers: fc.constantFrom('array', 'map', 'error'),
    tags,
  }),
  fc.record({ do: fc.constant('invalidateTags'), tags: fc.subarray([...TAGS], { minLength: 1 }), stale: fc.boolean() }),
  fc.record({ do: fc.constantFrom('entries', 'entries', 'entries', 'clear') }),
);

export const steps: fc.Arbitrary<readonly Step[]> = fc.array(fc.record({ process: fc.nat(1), command }), {
  minLength: 1,
  maxLength: 40,
  // Long ones, so that there is something to find: short ones mostly look at an empty cache.
  size: 'max',
});

/** Carries out `given` on caches over one namespace and on the model; throws where they differ. */
export async function runAgainstModel(given: readonly Step[], processes: readonly CacheInstance[]): Promise<void> {
  // Processes that do not hear of each other at once agree where they ask for it.
  const policy: Policy = processes.length === 1 ? POLICY : { ...POLICY, consistency: 'strong' };
  const { ttl: _ttl, grace: _grace, backoff: _backoff, jitter: _jitter, ...reading } = policy;
  const model: Model = new Map();
  const chosen = (process: number): CacheInstance => {
    const cache = processes[process % processes.length];
    if (cache === undefined) throw new Error('There is no process');
    return cache;
  };
  await chosen(0).clear();
  for (const { process, command } of given) {
    const real = await carryOut(chosen(process), command, policy, reading);
    // A loader's error is answered at once and its lease given back afterwards; until then another process would wait for it.
    if (processes.length > 1) await chosen(process).idle();
    expect({ ...command, answer: real }).toEqual({ ...command, answer: answerOf(model, command) });
  }
  for (const cache of processes) {
    for (const one of KEYS)
      expect([one, await carryOut(cache, { do: 'getEntry', key: one }, policy, reading)]).toEqual([
        one,
        answerOf(model, { do: 'getEntry', key: one }),
      ]);
    const all = [...KEYS];
    expect(await carryOut(cache, { do: 'getMany', keys: all }, policy, reading)).toEqual(
      answerOf(model, { do: 'getMany', keys: all }),
    );
  }
}

class Down extends Error {}

/** What the cache answers. */
async function carryOut(
  cache: CacheInstance,
  command: Command,
  policy: Policy,
  reading: Pick<Policy, 'consistency'>,
): Promise<unknown> {
  switch (command.do) {
    case 'get':
      return await cache.get(command.key, reading);
    case 'has':
      return await cache.has(command.key);
    case 'delete':
      return await cache.delete(command.key);
    case 'expire':
      return await cache.expire(command.key);
    case 'getEntry':
      return seen(await cache.getEntry(command.key));
    case 'getMany':
      return [...(await cache.getMany(command.keys, reading))];
    case 'deleteMany':
      return await cache.deleteMany(command.keys);
    case 'set':
      return await cache.set(command.key, command.value, { ...policy, tags: command.tags });
    case 'setIfAbsent':
      return await cache.setIfAbsent(command.key, command.value, { ...policy, tags: command.tags });
    case 'setMany':
      return await cache.setMany(command.pairs, { ...policy, tags: command.tags });
    case 'getOrSetMany':
      return await loadMany(cache, command, policy);
    case 'invalidateTags':
      return await cache.invalidateTags(command.tags, { stale: command.stale });
    case 'clear':
      return await cache.clear();
    case 'entries': {
      const listed: unknown[] = [];
      for await (const entry of cache.entries()) listed.push([entry.key, seen(entry)]);
      return listed;
    }
  }
}

type LoadMany = Extract<Command, { do: 'getOrSetMany' }>;

async function loadMany(cache: CacheInstance, command: LoadMany, policy: Policy): Promise<unknown> {
  const asked: string[][] = [];
  const load = async (missing: readonly string[]): Promise<Map<string, Loads> | Loads[]> => {
    asked.push([...missing]);
    if (command.answers === 'error') throw new Down('down');
    const loaded = missing.map((one) => [one, loadedFor(command, one)] as const);
    return command.answers === 'map'
      ? new Map(loaded.filter(([, made]) => made !== undefined))
      : loaded.map(([, made]) => made);
  };
  try {
    const found = await cache.getOrSetMany(command.keys, load, { ...policy, tags: command.tags });
    return { found: [...found], asked };
  } catch (error) {
    if (!(error instanceof Down)) throw error;
    return { failed: 'down', asked };
  }
}

function loadedFor({ loads }: LoadMany, one: string): Loads {
  const places: readonly string[] = KEYS;
  return loads[places.indexOf(one)];
}

function seen(entry: { value: unknown; state: string; tags: readonly string[] } | undefined): unknown {
  return entry && { value: entry.value, state: entry.state, tags: [...entry.tags].sort() };
}

/** What the model answers, which then is what it has become. */
function answerOf(model: Model, command: Command): unknown {
  switch (command.do) {
    case 'get':
      return fresh(model, command.key)?.value;
    case 'has':
      return fresh(model, command.key) !== undefined;
    case 'delete':
      return model.delete(command.key);
    case 'expire':
      return makeStale(model, (one) => one === command.key);
    case 'getEntry':
      return seen(model.get(command.key));
    case 'getMany':
      return [...new Set(command.keys)].flatMap((one) => {
        const entry = fresh(model, one);
        return entry === undefined ? [] : [[one, entry.value]];
      });
    case 'deleteMany':
      return [...new Set(command.keys)].filter((one) => model.delete(one)).length;
    case 'set':
      return put(model, command.key, command.value, command.tags);
    case 'setIfAbsent':
      if (fresh(model, command.key) !== undefined) return false;
      put(model, command.key, command.value, command.tags);
      return true;
    case 'setMany':
      for (const [one, made] of command.pairs) put(model, one, made, command.tags);
      return undefined;
    case 'getOrSetMany':
      return loadManyInto(model, command);
    case 'invalidateTags': {
      const carries = (one: string): boolean => model.get(one)?.tags.some((tag) => command.tags.includes(tag)) === true;
      if (command.stale) return makeStale(model, carries);
      for (const one of [...model.keys()].filter(carries)) model.delete(one);
      return undefined;
    }
    case 'clear':
      return model.clear();
    case 'entries':
      return [...model.keys()]
        .sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
        .map((one) => [one, seen(model.get(one))]);
  }
}

function loadManyInto(model: Model, command: LoadMany): unknown {
  const once = [...new Set(command.keys)];
  const missing = once.filter((one) => fresh(model, one) === undefined);
  const asked = missing.length === 0 ? [] : [missing];
  if (command.answers === 'error') {
    if (missing.some((one) => !model.has(one))) return { failed: 'down', asked };
    return { found: once.map((one) => [one, model.get(one)?.value]), asked };
  }
  const found: [string, Value][] = [];
  for (const one of once) {
    const known = fresh(model, one);
    const made = known === undefined ? loadedFor(command, one) : known.value;
    if (known === undefined && made !== undefined) put(model, one, made, command.tags);
    if (made !== undefined) found.push([one, made]);
  }
  return { found, asked };
}

function fresh(model: Model, one: string): Modelled | undefined {
  const entry = model.get(one);
  return entry?.state === 'fresh' ? entry : undefined;
}

function put(model: Model, one: string, made: Value, carried: readonly string[]): undefined {
  model.set(one, { value: made, tags: carried, state: 'fresh' });
}

function makeStale(model: Model, which: (one: string) => boolean): undefined {
  for (const [one, entry] of model) if (which(one)) model.set(one, { ...entry, state: 'stale' });
}
