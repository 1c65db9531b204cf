/**
 * The sweeper: removes entries that are dead, and rows of the log that nobody can depend on any more.
 *
 * One pass looks at every entry, in the order of ids (never of places: a touch moves rows), in statements of bounded size. A lease lets one
 * process at a time do it. That saves work and nothing else: two passes at once disturb neither each other nor anybody else, because no
 * statement of theirs depends on what another process holds in memory, and all lock rows in the order of ids or skip them.
 *
 * **Entries.** A row is dead when its time is over or when the log has a `delete` it has not seen. The result of a load goes when it is dead.
 * What was *set* also keeps away loads that began before it, so it goes `loadDeadline` and a margin after it was written; older loads
 * are refused by then. If it is deleted earlier it stays with all its times put back to 1970. An `expire` that a row has not seen is written
 * into the row: its freshness ends then, its staleness a grace later, and so does its ceiling, so that no touch extends it.
 * After a pass no row that it looked at depends on any row of the log that it could see: that row's effect is carried out.
 *
 * **The log.** When may row R, of transaction X, go? There are two marks, each the snapshot and the clock of one moment: X is visible in
 * mark M; mark B is younger than M by `loadDeadline` and a margin; every transaction that was running at B has ended; and then a pass over
 * all entries has begun and skipped no row. After it nothing depends on R:
 *
 * 1. *Entries that were there when the pass came by.* X is visible in M, so also to every statement of the pass: R's effect on them is
 *    carried out. A row that somebody had locked is returned to, and waited for, before the pass counts.
 * 2. *Results of loads written behind the pass.* One that depends on R has a token that cannot see X. The token is older than M, since
 *    whoever began after M sees X. From B on it is older than `loadDeadline`, and refused. A fill that was judged earlier was running at B, or
 *    had ended: then it ended before the pass began, and the pass has met its row. (A transaction that is running and has no id yet is
 *    not in the snapshot of B. A fill has one as soon as it has read the clock; the margin of a minute is for what lies between.)
 * 3. *Entries that were set.* Their snapshot is that of the writing statement, so one that cannot see X began before M; then as above.
 * 4. *Touches and postponements behind the pass.* They change no snapshot, and a touch never extends a row past the ceiling that
 *    the row has by then, however old the touch's own view of the log is.
 * 5. *Loads in flight.* As in 2: the deadline refuses them. Who began after M sees X.
 * 6. *Heartbeats.* They ask for rows that their previous one could not see. It is younger than the margin, or it is a gap.
 *
 * A transaction that stays open keeps marks from becoming B, so the log is kept for that long and everything else goes on; afterwards
 * a mark from before its end will do, so transactions that follow each other without a pause hold up nothing for long. Both clocks are the
 * database's; set back by more than the margin, they would let old loads pass, as they would by the deadline itself.
 *
 * All of this is true of mass invalidations as well, which are rows of the log in another form.
 *
 * R being gone, the youngest row of the log may be older, or there is none: then entries need no closer look, which they no longer do.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { SweepReport } from '../ports/store.js';
import { textArray } from './arrays.js';
import type { Connections } from './connections.js';
import { Evictor, type Living } from './evictor.js';
import type { PostgresLeases } from './leases.js';
import type { SweepOptions } from './options.js';
import { forgetLocksStatement } from './queries/locks.js';
import { sweepAgainStatement, sweepStatement } from './queries/sweep.js';
import {
  compactMassStatement,
  compactStatement,
  forgetLeasesStatement,
  forgetMarksStatement,
  horizonStatement,
  markStatement,
} from './queries/sweep-log.js';
import type { Parameter, Row, Statement } from './statement.js';

export interface SweeperOptions {
  readonly sweep: false | SweepOptions;
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly onSweepError: (error: unknown) => void;
}

/** The lease of who sweeps: no id of an entry, since one that begins with `[` has a `]`. */
const CLAIM = '[sweeper';

/** How long a claim lasts, and its age from which it is renewed, in milliseconds: longer than any statement may take. */
const CLAIM_LASTS = 30_000;
const CLAIM_RENEWED = 5_000;

/** Rows that were locked: how many are remembered, returned to at once, and how often. */
const MAX_SKIPPED = 10_000;
const SKIPPED_AT_ONCE = 100;
const RETURNS = 3;

/** Rows a statement looks at when only sweeps by hand are wanted. */
const BATCH_BY_HAND = 1_000;

export class Sweeper {
  readonly #connections: Connections;
  readonly #leases: PostgresLeases;
  readonly #options: SweeperOptions;
  readonly #batch: number;
  readonly #statements;
  readonly #evictor: Evictor;
  #timer: Timer | undefined;
  #status: 'stopped' | 'started' | 'ended' = 'stopped';
  #underWay: Promise<SweepReport> | undefined;

  constructor(connections: Connections, leases: PostgresLeases, options: SweeperOptions) {
    const { tables } = connections;
    this.#connections = connections;
    this.#leases = leases;
    this.#options = options;
    this.#batch = options.sweep === false ? BATCH_BY_HAND : options.sweep.batch;
    this.#evictor = new Evictor(tables, options);
    this.#statements = {
      mark: markStatement(tables),
      horizon: horizonStatement(tables),
      sweep: sweepStatement(tables),
      again: sweepAgainStatement(tables),
      compact: compactStatement(tables),
      compactMass: compactMassStatement(tables),
      forgetMarks: forgetMarksStatement(tables),
      forgetLeases: forgetLeasesStatement(tables),
      forgetLocks: forgetLocksStatement(tables),
    };
  }

  /** Sweeps from now on, the first time after half a period to one and a half: processes that start together spread. */
  start(): void {
    if (this.#status !== 'stopped') return;
    this.#status = 'started';
    if (this.#options.sweep !== false) this.#schedule(this.#options.sweep.every * (0.5 + Math.random()));
  }

  /** Ends it after the statement under way. */
  async stop(): Promise<void> {
    this.#status = 'ended';
    this.#timer?.cancel();
    await this.#underWay?.catch(() => undefined);
  }

  /** Sweeps once, or waits for the sweep under way in this process. Rejects with StoreError. */
  sweep(): Promise<SweepReport> {
    this.#underWay ??= this.#sweep().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  #schedule(ms: number): void {
    this.#timer = this.#options.clock.schedule(ms, () => {
      this.sweep()
        .catch(this.#options.onSweepError)
        .finally(() => {
          const { sweep } = this.#options;
          if (this.#status === 'started' && sweep !== false) this.#schedule(sweep.every);
        });
    });
  }

  async #sweep(): Promise<SweepReport> {
    const pass = new Pass(this.#options.clock.monotonic());
    if ((await this.#leases.acquire(CLAIM, CLAIM_LASTS)) === 'held') return pass.report('elsewhere');
    try {
      await this.#run(this.#statements.mark, []);
      const [row] = await this.#run(this.#statements.horizon, []);
      const isWhole = (await this.#walk(pass)) && (await this.#returnToSkipped(pass));
      // Only a whole pass, begun after the horizon was asked for, lets rows of the log go.
      if (isWhole && row?.[0] != null) await this.#compact(pass, row[0]);
      if (isWhole) await this.#forgetHolders();
      if (isWhole) await this.#evict(pass);
      return pass.report(isWhole ? 'finished' : 'interrupted');
    } finally {
      await this.#leases.release(CLAIM).catch(this.#options.onSweepError);
    }
  }

  /** Looks at every entry once; whether it came to the end. */
  async #walk(pass: Pass): Promise<boolean> {
    for (let after = ''; ; ) {
      if (!(await this.#mayGoOn(pass))) return false;
      const rows = await this.#run(this.#statements.sweep, [after, this.#batch]);
      const { last, lookedAt } = pass.note(rows, 'first');
      if (lookedAt < this.#batch || last === null) return true;
      if (pass.skipped.size > MAX_SKIPPED) return false;
      after = last;
    }
  }

  /** Returns to the rows that were locked, waiting for each; whether none is left. */
  async #returnToSkipped(pass: Pass): Promise<boolean> {
    for (let turn = 0; turn < RETURNS && pass.skipped.size > 0; turn += 1) {
      const ids = [...pass.skipped].sort();
      pass.skipped.clear();
      for (let from = 0; from < ids.length; from += SKIPPED_AT_ONCE) {
        if (!(await this.#mayGoOn(pass))) return false;
        const some = ids.slice(from, from + SKIPPED_AT_ONCE);
        try {
          pass.note(await this.#run(this.#statements.again, [textArray(some)]), 'again');
        } catch (error) {
          this.#options.onSweepError(error);
          return false;
        }
      }
    }
    return pass.skipped.size === 0;
  }

  async #compact(pass: Pass, horizon: string): Promise<void> {
    for (let from: string | null = null; ; ) {
      if (!(await this.#mayGoOn(pass))) return;
      const [row]: readonly Row[] = await this.#run(this.#statements.compact, [horizon, from, this.#batch]);
      const removed = Number(row?.[0]);
      pass.compacted += removed;
      from = row?.[1] ?? null;
      if (removed < this.#batch || from === null) break;
    }
    for (let removed = this.#batch; removed >= this.#batch; ) {
      if (!(await this.#mayGoOn(pass))) return;
      const [row] = await this.#run(this.#statements.compactMass, [horizon, this.#batch]);
      removed = Number(row?.[0]);
    }
    await this.#run(this.#statements.forgetMarks, [horizon]);
  }

  async #evict(pass: Pass): Promise<void> {
    const run = this.#run.bind(this);
    pass.evicted = await this.#evictor.evict(pass.living, this.#batch, run, () => this.#mayGoOn(pass));
  }

  async #forgetHolders(): Promise<void> {
    await this.#run(this.#statements.forgetLeases, [this.#batch]);
    await this.#run(this.#statements.forgetLocks, [this.#batch]);
  }

  /** Holds on to the claim; false when another process has it, or the store is closing. */
  async #mayGoOn(pass: Pass): Promise<boolean> {
    if (this.#status === 'ended') return false;
    const now = this.#options.clock.monotonic();
    if (now - pass.claimedAt < CLAIM_RENEWED) return true;
    pass.claimedAt = now;
    return (await this.#leases.acquire(CLAIM, CLAIM_LASTS)) === 'granted';
  }

  #run(statement: Statement, values: readonly Parameter[]): Promise<readonly Row[]> {
    return this.#connections.executor.run(statement, values);
  }
}

/** What a pass has done so far. */
class Pass {
  /** Ids of rows that somebody had locked, or that changed under the pass. */
  readonly skipped = new Set<string>();
  claimedAt: number;
  compacted = 0;
  evicted = 0;
  #bytes = 0;
  #entries = 0;
  #removed = 0;
  #settled = 0;

  constructor(claimedAt: number) {
    this.claimedAt = claimedAt;
  }

  /** Counts what a statement did; rows that are returned to were counted as looked at before. */
  note([header, ...skipped]: readonly Row[], turn: 'first' | 'again'): { last: string | null; lookedAt: number } {
    const [last = null, lookedAt, removed, settled, bytes] = header ?? [];
    if (turn === 'first') {
      this.#entries += Number(lookedAt);
      this.#bytes += Number(bytes);
    }
    this.#removed += Number(removed);
    this.#settled += Number(settled);
    for (const [id] of skipped) if (id != null) this.skipped.add(id);
    return { last, lookedAt: Number(lookedAt) };
  }

  /** What was left. */
  get living(): Living {
    return { entries: this.#entries - this.#removed, bytes: this.#bytes };
  }

  report(outcome: SweepReport['outcome']): SweepReport {
    return {
      outcome,
      entries: this.#entries,
      removed: this.#removed,
      settled: this.#settled,
      compacted: this.compacted,
      evicted: this.evicted,
    };
  }
}
