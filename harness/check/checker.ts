/**
 * The checker: what processes read, against what was invalidated when. Pure: it is fed histories, live or by hand, and answers violations.
 *
 * A key's versions only grow, because writers take the row's lock before they draw the next one. An **obligation** is the end of a successful
 * invalidation: from that instant on, its process may not answer anything older (INVARIANT 5), the shared tier may not either (1), and after
 * `localLease` nobody may (3). What was stored by `set` or `@CachePut` obliges likewise, for one method (7: no load that began before takes its place). Instants are those of one monotonic clock. An invalidation whose outcome is unknown obliges nobody, which can hide
 * a violation and never invent one.
 *
 * Memory is bounded: processes report only the last read of each version in an interval (if any read of it is too late, the last one is), a
 * report is judged as soon as every process has told what it did until then, and obligations are kept while somebody could still be judged by
 * them.
 */
import { Histogram } from '../report/histogram.js';

/** What a read can be a violation of, by the number in the list of invariants. */
export type Rule = '1' | '2' | '3' | '5' | '6' | '7' | '13' | '27' | '29';

export interface Violation {
  readonly rule: Rule;
  readonly text: string;
}

/** How an invalidation was made, as far as others hear of it differently: by a notification, or by their next heartbeat only. */
export type Heard = 'notified' | 'by heartbeat';

/** An invalidation that has succeeded. */
export interface Obligation {
  readonly key: number;
  /** Everything older than this is forbidden. */
  readonly version: number;
  /** When it was known to have committed. */
  readonly at: number;
  /** The process that made it. */
  readonly worker: number;
  readonly heard: Heard;
  /** `own`: other processes need not know yet, because the store has not been told. Default `everywhere`. */
  readonly scope?: 'own' | 'everywhere';
  /** The method whose entry holds this version since then: it was stored, and the key's other entries were not touched. */
  readonly stored?: string | undefined;
}

/** The last read of one version through one method, within the interval of a report. */
export interface Read {
  readonly key: number;
  readonly method: string;
  readonly version: number;
  /** When the call was made. */
  readonly started: number;
  readonly worker: number;
}

/** What the shared tier answered to a question that was sent at `started`, whatever local tiers hold. */
export type Audit = Omit<Read, 'worker'>;

export interface CheckerOptions {
  readonly localLease: number;
  readonly workers: number;
}

/** Versions of transactions that mean to roll back are odd: whoever reads one has seen what never was. */
function isOfRollback(version: number): boolean {
  return version % 2 === 1;
}

/** How long obligations are kept beyond the lease, for reads that take long to be reported, in milliseconds. */
const KEPT = 60_000;

/** Violations that are kept word by word; further ones are counted. */
const MOST_VIOLATIONS = 50;

export class Checker {
  readonly #localLease: number;
  readonly #obligations = new Map<number, Obligation[]>();
  readonly #windows = new Map<string, Window>();
  /** Until when each process has told everything. */
  readonly #told = new Map<number, number>();
  readonly #violations: Violation[] = [];
  readonly #counts = new Map<Rule, number>();
  #reads: Read[] = [];
  #audits: Audit[] = [];
  #judged = 0;
  /** How long older values were still read by other processes: one sample per process, key and change that it saw. */
  readonly staleness: Readonly<Record<Heard, Histogram>> = {
    notified: new Histogram(),
    'by heartbeat': new Histogram(),
  };

  constructor({ localLease, workers }: CheckerOptions) {
    this.#localLease = localLease;
    for (let worker = 0; worker < workers; worker += 1) this.#told.set(worker, Number.NEGATIVE_INFINITY);
  }

  oblige(obligation: Obligation): void {
    const known = this.#obligations.get(obligation.key) ?? [];
    known.push(obligation);
    this.#obligations.set(obligation.key, known);
  }

  read(read: Read): void {
    this.#reads.push(read);
  }

  audit(audit: Audit): void {
    this.#audits.push(audit);
  }

  /** Process `worker` has told every obligation of its own until `at`. */
  advance(worker: number, at: number): void {
    this.#told.set(worker, at);
    this.#judge(this.horizon);
  }

  /** Process `worker` was killed: what it did not tell obliges nobody. */
  leave(worker: number): void {
    this.#told.delete(worker);
  }

  /** A process in the place of one that was killed. */
  join(worker: number, at: number): void {
    this.#told.set(worker, at);
  }

  /** Everything until this instant has been told. */
  get horizon(): number {
    return Math.min(...this.#told.values());
  }

  /** Judges what is left; call it when nobody will tell anything any more. */
  finish(): void {
    this.#judge(Number.POSITIVE_INFINITY);
    for (const window of this.#windows.values()) this.#close(window);
    this.#windows.clear();
  }

  /** Adds what was found out elsewhere. */
  violate(rule: Rule, text: string): void {
    this.#counts.set(rule, (this.#counts.get(rule) ?? 0) + 1);
    if (this.#violations.length < MOST_VIOLATIONS) this.#violations.push({ rule, text });
  }

  /** The first violations, word by word. */
  get violations(): readonly Violation[] {
    return this.#violations;
  }

  /** How many there were of each rule. */
  get counts(): ReadonlyMap<Rule, number> {
    return this.#counts;
  }

  get violated(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** How many reads and audits were judged: a checker that saw nothing has shown nothing. */
  get judged(): number {
    return this.#judged;
  }

  /** How many records are held now; for the test of bounded memory. */
  get held(): number {
    const obligations = [...this.#obligations.values()].reduce((sum, list) => sum + list.length, 0);
    return obligations + this.#reads.length + this.#audits.length;
  }

  #judge(horizon: number): void {
    this.#reads = this.#reads.filter((read) => read.started > horizon || this.#judgeRead(read));
    this.#audits = this.#audits.filter((audit) => audit.started > horizon || this.#judgeAudit(audit));
    for (const [key, list] of this.#obligations)
      this.#obligations.set(key, prune(list, horizon - this.#localLease - KEPT));
  }

  /** Answers false: it is done with. */
  #judgeRead(read: Read): false {
    this.#judged += 1;
    const { key, version, started, worker, method } = read;
    const what = `process ${worker} read version ${version} of ${method}:${key}`;
    if (isOfRollback(version)) this.violate('6', `${what}, which was rolled back`);
    let first: Obligation | undefined;
    for (const one of this.#newer(method, key, version)) {
      const late = started - one.at;
      if (one.scope !== 'own' && (first === undefined || one.at < first.at)) first = one;
      if (one.worker === worker && late > 0) {
        this.violate('5', `${what} ${ms(late)} after it had itself invalidated it for version ${one.version}`);
        break;
      }
      if (one.scope !== 'own' && late > this.#localLease) {
        const by = `process ${one.worker} had invalidated it for version ${one.version}`;
        this.violate('3', `${what} ${ms(late)} after ${by} (localLease: ${ms(this.#localLease)})`);
        break;
      }
    }
    this.#measure(read, first);
    return false;
  }

  #judgeAudit({ key, version, started, method }: Audit): false {
    this.#judged += 1;
    const what = `the shared tier answered version ${version} of ${method}:${key}`;
    if (isOfRollback(version)) this.violate('6', `${what}, which was rolled back`);
    for (const one of this.#newer(method, key, version)) {
      if (started <= one.at || one.scope === 'own') continue;
      const how = one.stored === undefined ? 'invalidated it for' : 'stored';
      const by = `process ${one.worker} had ${how} version ${one.version}`;
      this.violate(one.stored === undefined ? '1' : '7', `${what} ${ms(started - one.at)} after ${by}`);
      break;
    }
    return false;
  }

  *#newer(method: string, key: number, version: number): Iterable<Obligation> {
    for (const one of this.#obligations.get(key) ?? []) {
      if (one.version > version && (one.stored ?? method) === method) yield one;
    }
  }

  /** Staleness windows end when their process first reads something newer. */
  #measure({ worker, method, key, version, started }: Read, first: Obligation | undefined): void {
    const slot = `${worker} ${method} ${key}`;
    let window = this.#windows.get(slot);
    if (window === undefined || version > window.version) {
      if (window !== undefined) this.#close(window);
      window = { version, worker, last: started, ended: first };
      this.#windows.set(slot, window);
    }
    if (version < window.version) {
      // It had seen something newer already: a window of its own.
      this.#close({ version, worker, last: started, ended: first });
      return;
    }
    window.last = Math.max(window.last, started);
    if (first !== undefined && (window.ended === undefined || first.at < window.ended.at)) window.ended = first;
  }

  #close({ worker, last, ended, version }: Window): void {
    if (ended === undefined || ended.worker === worker || ended.version <= version) return;
    this.staleness[ended.heard].add(Math.max(0, last - ended.at));
  }
}

/** The time in which one process read one version of one key. */
interface Window {
  readonly version: number;
  readonly worker: number;
  /** When it last was read. */
  last: number;
  /** What made it old. */
  ended: Obligation | undefined;
}

/** Drops obligations from before `until`, but the strongest of each process, for all methods and for each, which stand for the others. */
function prune(list: Obligation[], until: number): Obligation[] {
  if ((list[0]?.at ?? Number.POSITIVE_INFINITY) >= until) return list;
  const strongest = new Map<string, Obligation>();
  const kindOf = ({ worker, stored = '' }: Obligation): string => `${worker} ${stored}`;
  for (const one of list) {
    if (one.at >= until) continue;
    if (one.scope === 'own') continue;
    if ((strongest.get(kindOf(one))?.version ?? -1) < one.version) strongest.set(kindOf(one), one);
  }
  return list.filter((one) => one.at >= until || strongest.get(kindOf(one)) === one);
}

function ms(value: number): string {
  return `${value.toFixed(value < 100 ? 1 : 0)} ms`;
}
