/** The load of one worker: its readers and writers, and what of their history the harness is told. */
import type { Obligation, Read } from '../check/checker.js';
import { now, pause } from '../monotonic.js';
import { Random } from '../random.js';
import { Histogram } from '../report/histogram.js';
import { METHODS, type Report, type Totals, type WorkerSetup, type WriteKind } from './protocol.js';
import { Rollback, SourceError } from './source.js';
import type { Subject, SubjectTotals } from './subject.js';

/** Reads of one reader between two pauses of a millisecond: heartbeats must get their turns on a machine that all processes share. */
const BURST = 6;

/** How long calls may take to end when the load ends, in milliseconds: `leaseTimeout` and then some. */
const PATIENCE = 45_000;

export class Load {
  readonly #setup: WorkerSetup;
  readonly #subject: Subject;
  readonly #onViolation: (text: string) => void;
  #latency = new Histogram();
  #before: SubjectTotals;
  #obligations: Omit<Obligation, 'worker'>[] = [];
  /** Last starts, by method, key and version; emptied by every report. */
  #lastReads = new Map<string, Omit<Read, 'worker'>>();
  #state: 'running' | 'stopped' = 'stopped';
  #work: Promise<unknown> = Promise.resolve();
  #reads = 0;
  #writes = 0;
  #rolledBack = 0;
  #failedLoads = 0;
  #stall = 0;
  /** Those of the load, once it has ended. */
  #totals: Totals | undefined;

  constructor(setup: WorkerSetup, subject: Subject, onViolation: (text: string) => void) {
    this.#setup = setup;
    this.#subject = subject;
    this.#onViolation = onViolation;
    this.#before = subject.totals();
    this.#watchStalls();
  }

  start(writes: readonly WriteKind[]): void {
    this.#state = 'running';
    this.#forget();
    const { readers, writers, seed } = this.#setup;
    this.#work = Promise.all([
      ...Array.from({ length: readers }, (_, reader) => this.#readOn(new Random(seed * 1_000 + reader))),
      ...Array.from({ length: writers }, (_, writer) => this.#writeOn(writes, new Random(seed * 1_000 + 500 + writer))),
    ]);
  }

  /** Resolves when everything under way has ended. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    const ended = await Promise.race([this.#work.then(() => true), pause(PATIENCE).then(() => false)]);
    if (!ended) this.#onViolation(`calls did not end within ${PATIENCE / 1_000} s after the load`);
    await this.#subject.settled();
    this.#totals = this.#count();
  }

  async warm(): Promise<void> {
    const keys = Array.from({ length: this.#setup.keys }, (_, key) => key);
    await Promise.all(keys.flatMap((key) => METHODS.map((method) => this.#readOnce(method, key))));
  }

  oblige(obligation: Omit<Obligation, 'worker'>): void {
    this.#obligations.push(obligation);
  }

  /** What happened since the last report. */
  report(): Report {
    const until = now();
    const obligations = this.#obligations;
    const reads = [...this.#lastReads.values()];
    this.#obligations = [];
    this.#lastReads = new Map();
    return { until, obligations, reads, totals: this.#totals ?? this.#count() };
  }

  #count(): Totals {
    return {
      ...this.#subjectTotals(),
      reads: this.#reads,
      writes: this.#writes,
      rolledBack: this.#rolledBack,
      failedLoads: this.#failedLoads,
      latency: this.#latency.toJSON(),
      stall: this.#stall,
    };
  }

  #forget(): void {
    this.#before = this.#subject.totals();
    this.#latency = new Histogram();
    this.#obligations = [];
    this.#lastReads = new Map();
    this.#reads = 0;
    this.#writes = 0;
    this.#rolledBack = 0;
    this.#failedLoads = 0;
    this.#stall = 0;
    this.#totals = undefined;
  }

  #subjectTotals(): SubjectTotals {
    const { loads, localHits, sharedHits, stale, bypassed, gaps } = this.#subject.totals();
    const before = this.#before;
    return {
      loads: loads - before.loads,
      localHits: localHits - before.localHits,
      sharedHits: sharedHits - before.sharedHits,
      stale: stale - before.stale,
      bypassed: bypassed - before.bypassed,
      gaps: gaps - before.gaps,
    };
  }

  async #readOn(random: Random): Promise<void> {
    while (this.#state === 'running') {
      for (let read = 0; read < BURST; read += 1) {
        await this.#readOnce(random.pick(METHODS), random.key(this.#setup.keys));
      }
      await pause(1);
    }
  }

  async #readOnce(method: (typeof METHODS)[number], key: number): Promise<void> {
    const started = now();
    this.#reads += 1;
    try {
      const version = await this.#subject.read(method, key);
      const slot = `${method} ${key} ${version}`;
      const last = this.#lastReads.get(slot);
      if (last === undefined || last.started < started) this.#lastReads.set(slot, { method, key, version, started });
    } catch (error) {
      if (error instanceof SourceError) this.#failedLoads += 1;
      else this.#onViolation(`a read of ${method}:${key} failed: ${String(error)}`);
    } finally {
      this.#latency.add(now() - started);
    }
  }

  async #writeOn(kinds: readonly WriteKind[], random: Random): Promise<void> {
    const { keys, writePause } = this.#setup;
    const ways = this.#subject.writes.filter(({ kind }) => kinds.includes(kind));
    while (this.#state === 'running') {
      const key = random.key(keys);
      try {
        await random.pick(ways).run(key, (written) => this.oblige({ key, ...written }));
        this.#writes += 1;
      } catch (error) {
        // A write may fail when its database does; what it did is unknown then, and nothing was promised.
        if (error instanceof Rollback) this.#rolledBack += 1;
        else await pause(20);
      }
      await pause(random.between(1, writePause));
    }
  }

  /** What the machine does to this process: a stalled one reads nothing, so it proves nothing. */
  #watchStalls(): void {
    let last = now();
    setInterval(() => {
      const at = now();
      this.#stall = Math.max(this.#stall, at - last - 20);
      last = at;
    }, 20).unref();
  }
}
