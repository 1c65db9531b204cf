/**
 * The world of the engine's model: two or three caches ("processes") over one memory table and one clock that stands still, a source
 * of truth whose versions only grow, and everything that waits waiting at a gate until a step of the scenario opens it.
 */
import { createCache } from '../../../src/configure.js';
import type { CacheInstance } from '../../../src/engine/cache.js';
import { StoreError } from '../../../src/errors.js';
import type { CacheEvent } from '../../../src/kernel/events.js';
import { TestCluster, turnOfTheLoop } from '../../support/test-cache.js';
import { callGet, callGetOrSet } from './engine-calls.js';
import {
  type Change,
  ENTRIES,
  History,
  KEYS,
  type Key,
  LOCAL_LEASE,
  type Origin,
  type Value,
  WRITE_TIMEOUT,
} from './engine-history.js';
import type { Breakage, ModelWorld, Process } from './engine-parts.js';
import { type AskingStep, type ChangingStep, POLICIES, type Scenario, type Step } from './engine-steps.js';
import { watchedStore } from './watched-store.js';

/** How a change is made. */
interface Changing {
  readonly kind: Change['kind'];
  readonly keys: readonly Key[];
  readonly signature: string;
  readonly tell: () => Promise<unknown>;
  readonly origin?: number;
}

let worlds = 0;

export class World implements ModelWorld {
  readonly cluster = new TestCluster();
  readonly history: History;
  readonly trace: string[] = [];
  readonly scenario: Scenario;
  readonly breakage: Breakage;
  readonly processes: Process[] = [];
  readonly #truth = new Map<Key, number>(KEYS.map((key) => [key, 0]));
  readonly #gates: { readonly label: string; readonly open: () => void }[] = [];
  #random: number;
  #ids = 0;

  private constructor(scenario: Scenario, breakage: Breakage) {
    this.scenario = scenario;
    this.history = new History(() => this.cluster.clock.monotonic(), scenario.leases === 'sound' ? 'kept' : 'not kept');
    this.breakage = breakage;
    this.#random = scenario.gates.seed;
  }

  static async open(scenario: Scenario, breakage: Breakage): Promise<World> {
    const world = new World(scenario, breakage);
    for (const kind of scenario.processes) await world.#openProcess(kind);
    return world;
  }

  async #openProcess(kind: Scenario['processes'][number]): Promise<void> {
    const { processes, cluster, breakage } = this;
    const index = processes.length;
    const fault: Process['fault'] = { now: 'none' };
    const inner = cluster.store();
    const isolation = kind === 'cloned' ? 'cloned' : 'frozen';
    worlds += 1;
    const cache = await createCache({
      name: `model ${worlds}`,
      clock: cluster.clock,
      store: watchedStore(this, { index, fault }, breakage.store?.(inner) ?? inner),
      localLease: breakage.localLease ?? LOCAL_LEASE,
      local: kind === 'no local tier' ? false : { max: 2, isolation: breakage.isolation ?? isolation },
      timeouts: { read: 250, write: WRITE_TIMEOUT },
      observer: { onEvent: (event) => this.#hear(event) },
      logger: { warn: () => undefined },
    });
    processes.push({ index, cache, fault, namesAtRest: cache.stats().underWay.names });
  }

  /** Waits to be released, or does not: the scenario's pseudo-random numbers say. */
  async pass(who: 'store' | 'loader', label: string, signal?: AbortSignal): Promise<void> {
    const { share, where } = this.scenario.gates;
    this.#random = (Math.imul(this.#random, 1_103_515_245) + 12_345) & 0x7fffffff;
    if ((where !== 'everywhere' && where !== who) || (this.#random >>> 8) % 1_000 >= share * 1_000) return;
    await new Promise<void>((resolve) => {
      this.#gates.push({ label, open: resolve });
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** A number for a value. */
  nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  /** What the source has under `key` now. */
  version(key: Key): number {
    return this.#truth.get(key) ?? 0;
  }

  say(text: string): void {
    this.trace.push(`${this.cluster.clock.monotonic()} ms: ${text}`);
  }

  async perform(step: Step): Promise<void> {
    this.say(JSON.stringify(step));
    if (step.do === 'release') this.#open(step.which);
    else if (step.do === 'releaseAll') this.openAll();
    else if (step.do === 'advance') await this.cluster.clock.advanceAsync(step.ms);
    else if (step.do === 'cancel') this.#cancel(step.which);
    else this.ask(step);
    await turnOfTheLoop();
    this.history.checkAborted();
  }

  ask(step: AskingStep): void {
    const process = this.processes[step.process % this.processes.length];
    if (process === undefined) return;
    const { cache } = process;
    switch (step.do) {
      case 'getOrSet':
        callGetOrSet(this, process, step);
        break;
      case 'get':
        callGet(this, process, step.key);
        break;
      case 'set':
        this.#set(process, step.key, step.policy);
        break;
      case 'touch':
        cache.touch(step.key).catch(() => undefined);
        break;
      case 'fault':
        process.fault.now = step.fault;
        break;
      default:
        this.#change(process, changing(cache, step));
    }
  }

  #set(process: Process, key: Key, policy: number): void {
    const { history } = this;
    const { tags, tiers } = ENTRIES[key];
    const id = this.nextId();
    const version = this.version(key) + 1;
    const began = history.tick();
    const ttl = POLICIES[policy]?.ttl ?? 0;
    const origin: Origin = { id, kind: 'set', key, process: process.index, began, ttl, version, published: undefined };
    history.origins.set(id, origin);
    const value: Value = { id, version, nested: { id } };
    const tell = (): Promise<void> => process.cache.set(key, value, { ...POLICIES[policy], tags, tiers });
    const change = this.#change(process, { kind: 'set', keys: [key], signature: `set ${id}`, tell, origin: id });
    if (tiers !== 'local') return;
    history.committed(change, began);
    history.written(origin, began);
  }

  /** Changes the source, then tells the cache. */
  #change(process: Process, { kind, keys, signature, tell, origin }: Changing): Change {
    const { history } = this;
    for (const key of keys) this.#truth.set(key, this.version(key) + 1);
    const change: Change = {
      kind,
      process: process.index,
      keys,
      began: history.tick(),
      versions: new Map(keys.map((key) => [key, this.version(key)])),
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
        // What the breaker refused never arrives.
        if (String(error).includes('(breaker)')) change.asked = 'asked';
        end('failed');
      },
    );
    return change;
  }

  /** How many wait at a gate. */
  get waiting(): number {
    return this.#gates.length;
  }

  openAll(): void {
    for (const gate of this.#gates.splice(0)) gate.open();
  }

  #open(which: number): void {
    const [gate] = this.#gates.splice(which % Math.max(1, this.#gates.length), 1);
    if (gate === undefined) return;
    this.say(`  released: ${gate.label}`);
    gate.open();
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
}

/** What an invalidating step does, and how its call of the store will look. */
function changing(cache: CacheInstance, step: ChangingStep): Changing {
  switch (step.do) {
    case 'clear':
      return { kind: 'delete', keys: KEYS, signature: 'invalidate n|', tell: () => cache.clear() };
    case 'invalidateTags': {
      const { tag, stale } = step;
      const keys = KEYS.filter((key) => ENTRIES[key].tags.some((one) => one === tag));
      const tell = (): Promise<void> => cache.invalidateTags(tag, { stale });
      return { kind: stale ? 'expire' : 'delete', keys, signature: `invalidate t|${tag}`, tell };
    }
    case 'delete':
      return { kind: 'delete', keys: [step.key], signature: `delete ${step.key}`, tell: () => cache.delete(step.key) };
    default: {
      const signature = `invalidate k|${step.key}`;
      return { kind: 'expire', keys: [step.key], signature, tell: () => cache.expire(step.key) };
    }
  }
}
