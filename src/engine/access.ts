/** Access: which tiers a call may use where it is made. */
import type { Tiers } from '../kernel/policy.js';

/** Some of the two tiers. */
export type Reach = Tiers | 'none';

/** Which tiers a call may read, and which it may fill. */
export interface Access {
  readonly read: Reach;
  readonly write: Reach;
}

/** Opened by a cache, for its own calls; another cache's calls in it are not concerned. */
export interface CallScope {
  readonly owner: object;
  readonly access: Access;
  readonly outer: CallScope | undefined;
}
