/** A finding: what one check of a diagnosis says, and how to mend what is wrong. */

/** The checks, in the order they are made: a later one needs what an earlier one found. */
export type CheckName = 'connection' | 'server' | 'pooler' | 'schema' | 'rights' | 'listen';

export interface Finding {
  readonly check: CheckName;
  /** `note`: works, and is worth knowing. `wrong`: the cache does not work, or not as it says. */
  readonly verdict: 'ok' | 'note' | 'wrong';
  /** One line, without credentials. */
  readonly says: string;
  /** What to do, where there is something to do. */
  readonly mend?: string | undefined;
}
