/**
 * The world of the engine's model: two or three caches ("processes") over one memory table and one clock that stands still, a source
 * of truth whose versions only grow, and everything that waits waiting at a gate until a step of the scenario opens it.
 */
import { createCache } from '../../../src/configure.js';
import type { CacheInstance } from '../../../src/engine/cache.js';
import type { LoadContext } from '../../../src/engine/load-context.js';
import { LoadTimeoutError, StoreError } from '../../../src/errors.js';
import type { CacheEvent } from '../../../src/kernel/events.js';
import type { Store } from '../../../src/ports/store.js';
import { TestCluster, turnOfTheLoop } from '../../support/test-cache.js';
import {
  BACKOFF,
  type Caller,
  type Change,
  ENTRIES,
  History,
  KEYS,
  type Key,
  LOCAL_LEASE,
  type Moment,
  type Origin,
  type Value,
  WRITE_TIMEOUT,
} from './engine-history.js';
import { type Fault, POLICIES, type Scenario, type Step } from './engine-steps.js';
import { watchedStore } from './watched-store.js';

/** One cache of the world. */
export interface Process {
  readonly index: number;
  readonly cache: CacheInstance;
  readonly fault: { now: Fault };
  /** Names its ledger holds when it has nothing to remember. */
  readonly namesAtRest: number;
}

/** What a deliberately broken world does otherwise. */
export interface Breakage {
  readonly localLease?: number;
  readonly isolation?: 'shared';
  /** Between the engine and the table. */
  readonly store?: (store: Store) => Store;
  /** Between the user and the engine. */
  readonly getOrSet?: (cache: CacheInstance) => CacheInstance['getOrSet'];
}

type LoadStep = Extract<Step, { readonly do: 'getOrSet' }>;

let worlds = 0;

export class World {
  readonly cluster = new TestCluster();
  readonly history: History;
  readonly trace: string[] = [];
  readonly #processes: Process[] = [];
  readonly #truth = new Map<Key, number>(KEYS.map((key) => [key, 0]));
  readonly #gates: { readonly label: string; readonly open: () => void }[] = [];
  readonly scenario: Scenario;
  readonly #breakage: Breakage;
  #random: number;
  #ids = 0;

  private constructor(scenario: Scenario, breakage: Breakage) {
    this.scenario = scenario;
    this.history = new History(() => this.cluster.clock.monotonic(), scenario.leases === 'sound' ? 'kept' : 'not kept');
    this.#breakage = breakage;
    this.#random = scenario.gates.seed;
  }

  static async open(scenario: Scenario, breakage: Breakage): Promise<World> {
    const world = new World(scenario, breakage);
    for (const kind of scenario.processes) await world.#openProcess(kind);
    return world;
  }

  async #openProcess(kind: Scenario['processes'][number]): Promise<void> {
    const index = this.#processes.length;
    const fault: Process['fault'] = { now: 'none' };
    worlds += 1;
    const inner = this.cluster.store();
    const isolation = kind === 'cloned' ? 'cloned' : 'frozen';
    const cache = await createCache({
      name: `model ${worlds}`,
      clock: this.cluster.clock,
      store: watchedStore(this, { index, fault }, this.#breakage.store?.(inner) ?? inner),
      localLease: this.#breakage.localLease ?? LOCAL_LEASE,
      local: kind === 'no local tier' ? false : { max: 2, isolation: this.#breakage.isolation ?? isolation },
      timeouts: { read: 250, write: WRITE_TIMEOUT },
      observer: { onEvent: (event) => this.#hear(event) },
      logger: { warn: () => undefined },
    });
    this.#processes.push({ index, cache, fault, namesAtRest: cache.stats().underWay.names });
  }

  get processes(): readonly Process[] {
    return this.#processes;
  }

  /** Waits to be released, or does not: the scenario's pseudo-random numbers say. */
  async pass(label: string, signal?: AbortSignal): Promise<void> {
    this.#random = (Math.imul(this.#random, 1_103_515_245) + 12_345) & 0x7fffffff;
    if ((this.#random >>> 8) % 1_000 >= this.scenario.gates.share * 1_000) return;
    await new Promise<void>((resolve) => {
      this.#gates.push({ label, open: resolve });
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  say(text: string): void {
    this.trace.push(`${this.cluster.clock.monotonic()} ms: ${text}`);
  }

  async perform(step: Step): Promise<void> {
    this.say(JSON.stringify(step));
    if (step.do === 'release') this.#open(step.which);
    else if (step.do === 'releaseAll') this.#openAll();
    else if (step.do === 'advance') await this.cluster.clock.advanceAsync(step.ms);
    else if (step.do === 'cancel') this.#cancel(step.which);
    else this.#ask(step);
    await turnOfTheLoop();
    this.history.checkAborted();
  }

  #ask(step: Exclude<Step, { readonly do: 'release' | 'releaseAll' | 'advance' | 'cancel' }>): void {
    const process = this.#processes[step.process % this.#processes.length];
    if (process === undefined) return;
    const { cache } = process;
    if (step.do === 'getOrSet') this.#getOrSet(process, step);
    else if (step.do === 'get') this.#get(process, step.key);
    else if (step.do === 'set') this.#set(process, step.key, step.policy);
    else if (step.do === 'touch') cache.touch(step.key).catch(() => undefined);
    else if (step.do === 'fault') process.fault.now = step.fault;
    else if (step.do === 'clear') this.#change(process, 'delete', KEYS, 'invalidate n|', () => cache.clear());
    else if (step.do === 'invalidateTags') {
      const keys = KEYS.filter((key) => ENTRIES[key].tags.some((tag) => tag === step.tag));
      const kind = step.stale ? 'expire' : 'delete';
      this.#change(process, kind, keys, `invalidate t|${step.tag}`, () =>
        cache.invalidateTags(step.tag, { stale: step.stale }),
      );
    } else {
      const { key } = step;
      const signature = step.do === 'delete' ? `delete ${key}` : `invalidate k|${key}`;
      this.#change(process, step.do, [key], signature, () => cache[step.do](key));
    }
  }

  #getOrSet(process: Process, step: LoadStep): void {
    const caller = this.#caller(process, 'getOrSet', step.key);
    const { key } = step;
    const entry = ENTRIES[key];
    const options = {
      ...POLICIES[step.policy],
      tiers: entry.tiers,
      useCase: String(caller.id),
      signal: caller.controller.signal,
      ...(step.tags === 'known' ? { tags: entry.tags } : {}),
    };
    const loader = (load: LoadContext): Promise<Value> => this.#load(process, caller, step, load);
    const getOrSet = this.#breakage.getOrSet?.(process.cache) ?? process.cache.getOrSet.bind(process.cache);
    this.#follow(caller, getOrSet(key, loader, options));
  }

  #get(process: Process, key: Key): void {
    const caller = this.#caller(process, 'get', key);
    const options = { tiers: ENTRIES[key].tiers, useCase: String(caller.id) };
    this.#follow(caller, process.cache.get<Value>(key, options));
  }

  #caller(process: Process, kind: Caller['kind'], key: Key): Caller {
    const caller: Caller = {
      id: this.history.callers.length,
      kind,
      process: process.index,
      key,
      began: this.history.tick(),
      controller: new AbortController(),
      loads: 0,
      ended: undefined,
      answers: [],
      timeouts: [],
      store: 'well',
    };
    this.history.callers.push(caller);
    return caller;
  }

  #follow(caller: Caller, answer: Promise<Value | undefined>): void {
    const { history } = this;
    const end = (text: string): void => {
      caller.ended = history.tick();
      this.say(`  caller ${caller.id} ${text}`);
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

  async #load(process: Process, caller: Caller, step: LoadStep, context: LoadContext): Promise<Value> {
    const { history } = this;
    const { key } = step;
    this.#ids += 1;
    const load = {
      id: this.#ids,
      kind: 'load' as const,
      key,
      process: process.index,
      began: history.tick(),
      ttl: POLICIES[step.policy]?.ttl ?? 0,
      version: 0,
      published: undefined,
      caller,
      reason: context.reason,
      signal: context.signal,
      ended: undefined as Moment | undefined,
    };
    this.say(
      `  load ${load.id} of ${key} begins for caller ${caller.id} in process ${process.index} (${context.reason})`,
    );
    history.loadBegan(load);
    const heeded = step.heeds ? context.signal : undefined;
    try {
      await this.pass(`load ${load.id} reads`, heeded);
      load.version = this.#truth.get(key) ?? 0;
      await this.pass(`load ${load.id} ends`, heeded);
      heeded?.throwIfAborted();
      if (step.ending === 'error') throw new Error('the origin is down');
      if (step.ending === 'skip') context.skip();
      if (step.tags === 'learned') context.tags(...ENTRIES[key].tags);
      return { id: load.id, version: load.version, nested: { id: load.id } };
    } catch (error) {
      if (ENTRIES[key].tiers === 'local' && context.reason !== 'miss') history.postponed(key, process.index, BACKOFF);
      throw error;
    } finally {
      load.ended = history.tick();
      this.say(`  load ${load.id} ends`);
    }
  }

  #set(process: Process, key: Key, policy: number): void {
    const { history } = this;
    const { tags, tiers } = ENTRIES[key];
    this.#ids += 1;
    const id = this.#ids;
    const version = (this.#truth.get(key) ?? 0) + 1;
    const began = history.tick();
    const ttl = POLICIES[policy]?.ttl ?? 0;
    const origin: Origin = { id, kind: 'set', key, process: process.index, began, ttl, version, published: undefined };
    history.origins.set(id, origin);
    const value: Value = { id, version, nested: { id } };
    const tell = (): Promise<void> => process.cache.set(key, value, { ...POLICIES[policy], tags, tiers });
    const change = this.#change(process, 'set', [key], `set ${id}`, tell, id);
    if (tiers !== 'local') return;
    history.committed(change, began);
    history.written(origin, began);
  }

  /** Changes the source, then tells the cache. */
  #change(
    process: Process,
    kind: Change['kind'],
    keys: readonly Key[],
    signature: string,
    tell: () => Promise<unknown>,
    origin?: number,
  ): Change {
    const { history } = this;
    for (const key of keys) this.#truth.set(key, (this.#truth.get(key) ?? 0) + 1);
    const change: Change = {
      kind,
      process: process.index,
      keys,
      began: history.tick(),
      versions: new Map(keys.map((key) => [key, this.#truth.get(key) ?? 0])),
      origin,
      signature,
      asked: 'not yet',
      committed: undefined,
      settled: undefined,
    };
    history.changes.push(change);
    const end = (outcome: string): void => {
      change.settled = history.tick();
      this.say(`  ${signature} by process ${process.index} ${outcome}`);
    };
    tell().then(
      () => {
        if (change.committed === undefined) history.flag('5', `${signature} resolved and was not carried out`);
        end('resolved');
      },
      (error: unknown) => {
        if (!(error instanceof StoreError)) history.flag('27', `${signature} rejected with ${String(error)}`);
        end('failed');
      },
    );
    return change;
  }

  #open(which: number): void {
    const [gate] = this.#gates.splice(which % Math.max(1, this.#gates.length), 1);
    if (gate === undefined) return;
    this.say(`  released: ${gate.label}`);
    gate.open();
  }

  #openAll(): void {
    for (const gate of this.#gates.splice(0)) gate.open();
  }

  #cancel(which: number): void {
    const waiting = this.history.callers.filter(({ ended, kind }) => ended === undefined && kind === 'getOrSet');
    waiting[which % Math.max(1, waiting.length)]?.controller.abort();
  }

  #hear(event: CacheEvent): void {
    const caller = event.useCase === undefined ? undefined : this.history.callers[Number(event.useCase)];
    if (caller === undefined) return;
    if (event.type === 'hit') caller.answers.push({ tier: event.tier, state: event.state });
    if (event.type === 'miss') caller.answers.push({ tier: 'none', state: 'miss' });
    if (event.type === 'bypass') caller.answers.push({ tier: 'none', state: 'bypassed' });
    if (event.type === 'timeout') caller.timeouts.push(event.limit);
    if (event.type === 'error' && event.operation === 'read') caller.store = 'failed';
  }

  /** Ends what is under way, then checks what must be left: nothing. */
  async finish(): Promise<void> {
    this.say('the end');
    for (const { fault } of this.#processes) fault.now = 'none';
    await this.#drain();
    for (const { index } of this.#processes) for (const key of KEYS) this.#ask({ do: 'get', process: index, key });
    await this.#drain();
    await this.cluster.clock.advanceAsync(LOCAL_LEASE);
    for (const { index } of this.#processes) for (const key of KEYS) this.#ask({ do: 'get', process: index, key });
    await this.#drain();
    for (const process of this.#processes) this.#checkAccounts(process);
    for (const { index } of this.#processes) this.#ask({ do: 'clear', process: index });
    await this.#drain();
    for (const process of this.#processes) this.#checkNothingLeft(process);
    for (const { cache } of this.#processes) await cache.close();
    if (this.cluster.clock.timers > 0) this.history.flag('28', `${this.cluster.clock.timers} timers are left`);
  }

  /** Opens all gates until nothing comes to one, and lets every timeout there is come due. */
  async #drain(): Promise<void> {
    for (let round = 0; round < 200; round += 1) {
      while (this.#gates.length > 0) {
        this.#openAll();
        await turnOfTheLoop();
      }
      await turnOfTheLoop();
      const open =
        this.history.callers.some(({ ended }) => ended === undefined) ||
        this.history.changes.some(({ settled }) => settled === undefined);
      const background = this.#processes.some(({ cache }) => cache.stats().underWay.background > 0);
      if (!open && !background && this.#gates.length === 0) return;
      await this.cluster.clock.advanceAsync(100);
    }
    this.history.flag('27', 'something never ended');
  }

  #checkAccounts({ index, cache }: Process): void {
    const {
      calls,
      fresh,
      early,
      stale,
      misses,
      bypassed,
      loads,
      loadsSucceeded,
      loadsFailed,
      loadsAbandoned,
      ...rest
    } = cache.stats();
    const { callers, loads: began } = this.history;
    const mine = callers.filter(({ process }) => process === index);
    const accounts = [
      ['calls', calls, mine.length],
      ['calls', calls, fresh + early + stale + misses + bypassed],
      ['loads', loads, began.filter(({ process }) => process === index).length],
      ['loads', loads, loadsSucceeded + loadsFailed + loadsAbandoned],
      ['softTimeouts', rest.softTimeouts, mine.filter(({ timeouts }) => timeouts.includes('soft')).length],
      ['hardTimeouts', rest.hardTimeouts, mine.filter(({ timeouts }) => timeouts.includes('hard')).length],
    ] as const;
    for (const [what, counted, happened] of accounts) {
      if (counted !== happened)
        this.history.flag('32', `process ${index} counted ${counted} ${what}, there were ${happened}`);
    }
  }

  #checkNothingLeft({ index, cache, namesAtRest }: Process): void {
    const { keys, background, names } = cache.stats().underWay;
    if (keys + background + names !== namesAtRest) {
      const left = `${keys} keys, ${background} background, ${names - namesAtRest} names`;
      this.history.flag('29', `process ${index} still remembers ${left}`);
    }
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
