/**
 * Whether tables that are written without a pause stop growing. Pure: it is fed what was counted, and answers what is wrong.
 *
 * Everything is measured by what was written meanwhile, never by the clock alone: a busy machine writes less and sweeps less.
 *
 * - **Rows of the log** go when they are older than the load deadline and a margin, at one of the next sweeps. Those that are left may
 *   not be more than were written within twice that time.
 * - **Dead rows** are vacuumed: most that ever died must be gone.
 * - **Sizes** stay: in the second half of the time, when the first rows of the log have long gone, nothing grows by more than its rate
 *   of writing did, and something for its peaks.
 */

/** One table at one moment. */
export interface TableCount {
  /** Rows that are there, counted. */
  readonly rows: number;
  /** Rows that are dead and not yet vacuumed, as PostgreSQL estimates. */
  readonly dead: number;
  /** Everything the table takes, indexes included. */
  readonly bytes: number;
  /** Rows written so far: inserted and updated. */
  readonly written: number;
  /** Rows that died so far: updated and deleted. */
  readonly died: number;
}

export interface GrowthSample {
  /** Milliseconds since the first one. */
  readonly at: number;
  readonly entries: TableCount;
  readonly log: TableCount;
}

/** What a row of the log is kept beyond the load deadline, in milliseconds: `SWEEP_MARGIN`. */
const MARGIN = 60_000;

/** Growth of a size that is no growth: pages that one peak more has taken. */
const PEAKS = 1.4;

/** Below this nothing is said about a size, nor about dead rows below so many: a few pages, a vacuum not due yet. */
const SMALL = { bytes: 1_048_576, dead: 2_000 };

/** How long rows of the log may be kept, in milliseconds. */
function keptFor(loadDeadline: number): number {
  return 2 * (loadDeadline + MARGIN);
}

/** The least time of writing after which a log that is never compacted cannot be taken for one that is, in milliseconds. */
export function leastTime(loadDeadline: number): number {
  return 1.6 * keptFor(loadDeadline);
}

/** What is wrong, in words; nothing when everything converges. */
export function judgeGrowth(samples: readonly GrowthSample[], loadDeadline: number): readonly string[] {
  const last = samples.at(-1);
  const middle = samples.findLast(({ at }) => last !== undefined && at <= last.at / 2);
  const since = samples.findLast(({ at }) => last !== undefined && at <= last.at - keptFor(loadDeadline));
  if (last === undefined || middle === undefined || since === undefined || last.at < leastTime(loadDeadline))
    return [`too few samples: ${leastTime(loadDeadline) / 1_000} s of them are needed`];
  const wrong: string[] = [];
  const written = last.log.written - since.log.written;
  if (last.log.rows > written)
    wrong.push(
      `the log holds ${last.log.rows} rows, and only ${written} were written in the last ${keptFor(loadDeadline) / 1_000} s`,
    );
  for (const table of ['entries', 'log'] as const) {
    const [then, now] = [middle[table], last[table]];
    if (now.dead > Math.max(SMALL.dead, now.died / 4))
      wrong.push(`${table}: ${now.dead} of the ${now.died} rows that ever died are still there`);
    const rate = (now.written - then.written) / Math.max(1, then.written);
    if (now.bytes > SMALL.bytes && now.bytes > then.bytes * PEAKS * Math.max(1, rate))
      wrong.push(`${table}: ${kib(then.bytes)} KiB after half of the time, ${kib(now.bytes)} KiB at its end`);
  }
  return wrong;
}

export function kib(bytes: number): number {
  return Math.round(bytes / 1_024);
}
