/**
 * PostgreSQL's `pg_snapshot`, read in the process: which transactions a load could see when it began.
 * Text form `xmin:xmax:xip,xip,...`. Source: PostgreSQL documentation, "Transaction ID and Snapshot Information Functions".
 */

/** The text form of a `pg_snapshot`. */
export type Snapshot = string;

/** A transaction id (`xid8`); 2^53 of them last longer than any cluster. */
export type Xid = number;

/**
 * Whether the effects of transaction `xid` are visible in `snapshot`, given that it committed.
 *
 * @example isVisible(7, '10:20:12') // true: ended before the oldest running one
 */
export function isVisible(xid: Xid, snapshot: Snapshot): boolean {
  const first = snapshot.indexOf(':');
  if (xid < Number(snapshot.slice(0, first))) return true;
  const second = snapshot.indexOf(':', first + 1);
  if (xid >= Number(snapshot.slice(first + 1, second))) return false;
  const running = snapshot.slice(second + 1);
  return running === '' || !running.split(',').includes(String(xid));
}

/**
 * Whether no transaction that has written anything was open.
 *
 * @example nothingRunsIn('20:20:') // true
 */
export function nothingRunsIn(snapshot: Snapshot): boolean {
  return snapshot.endsWith(':');
}
