/** A call: what the engine is asked for, and the parts every algorithm shares. */
import type { Clock } from '../kernel/clock.js';
import type { Codec } from '../kernel/codec.js';
import { EVERYTHING, entryId, keyName, namespaceName, storedTag, tagName } from '../kernel/names.js';
import type { Consistency, ResolvedPolicy, Tiers } from '../kernel/policy.js';
import type { Ramp } from '../kernel/ramp.js';
import { eachOnce } from '../kernel/tags.js';
import type { Access } from './access.js';
import type { Background } from './background.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { LoadContext } from './load-context.js';
import type { LocalTier } from './local-tier.js';
import type { LockKeeper } from './lock-keeper.js';
import type { NameLedger } from './name-ledger.js';
import type { OwedInvalidations } from './owed-invalidations.js';
import type { Reporter, Subject } from './reporter.js';
import type { Overlay, RunTimePolicies } from './run-time-policies.js';
import type { StoreGuard } from './store-guard.js';
import type { UnsettledTransactions } from './unsettled-transactions.js';

/** A value that is wanted: under which key, by which rules, and how to make it. */
export interface Call extends Subject {
  readonly key: string;
  readonly useCase: string | undefined;
  readonly keyType: string | undefined;
  /** Where it lives; what the policy says too, and known without resolving it. */
  readonly tiers: Tiers;
  /** What the policy says too, likewise. */
  readonly consistency: Consistency;
  /** What the policy says too, likewise; undefined = every key. */
  readonly ramp?: Ramp | undefined;
  /** Which tiers it may use where it is made; undefined = those of its policy. */
  readonly access?: Access | undefined;
  readonly policy: ResolvedPolicy;
  /** Tags made from the call's arguments; asked for only when a value is to be stored. May throw KeyError. */
  tags(): readonly string[];
  load(context: LoadContext): unknown;
  /**
   * Told that no load of its own will begin for now: it was answered or has failed, or waits for a load that is not its own. Calls
   * that load together wait for each other up to here.
   */
  standsBack?(): void;
  /** The arguments of the method; undefined where there is none. */
  readonly args?: readonly unknown[] | undefined;
  /** Gives up waiting when it aborts. */
  readonly signal: AbortSignal | undefined;
  /** Its policy with a run-time overlay in it, where that does not simply lie over everything. */
  overlaid?(overlay: Overlay): ResolvedPolicy;
  /** The same call under another key. */
  under(key: string): Call;
}

/** What the algorithms work on; made once, by the composition root. */
export interface Engine {
  readonly name: string;
  readonly namespace: string;
  readonly clock: Clock;
  readonly store: StoreGuard;
  readonly local: LocalTier;
  readonly leases: LeaseKeeper;
  readonly locks: LockKeeper;
  readonly owed: OwedInvalidations;
  readonly unsettled: UnsettledTransactions;
  readonly ledger: NameLedger;
  readonly background: Background;
  readonly reporter: Reporter;
  readonly codec: Codec;
  readonly maxValueBytes: number;
  readonly loadDeadline: number;
  /** Whether calls are cached unless a scope forbids it, or only where one allows it. */
  readonly scope: 'opt-in' | 'opt-out';
  readonly runTimePolicies: RunTimePolicies | undefined;
  readonly random: () => number;
}

/** The id of a key in the store, and the log's name for it. */
export function identify(engine: Engine, key: string): { readonly id: string; readonly keyName: string } {
  const id = entryId(engine.namespace, key, engine.store.maxIdBytes);
  return { id, keyName: keyName(id) };
}

/** The log's names that every value under `key` depends on, whatever its tags. */
export function namesAlways(engine: Engine, key: string): readonly string[] {
  return namesAlwaysOf(engine, identify(engine, key).id);
}

/** The same for the entry with this id. */
export function namesAlwaysOf(engine: Engine, id: string): readonly string[] {
  return [keyName(id), namespaceName(engine.namespace), EVERYTHING];
}

/** Tags as they are stored, and their names in the log. */
export function tagNamesOf(
  engine: Engine,
  tags: readonly string[],
): { readonly stored: readonly string[]; readonly names: readonly string[] } {
  const stored = eachOnce(tags.map((tag) => storedTag(engine.namespace, tag)));
  return { stored, names: stored.map(tagName) };
}

/** What a call that was cancelled is rejected with. */
export function reasonOf(call: Call): unknown {
  return call.signal?.reason ?? new DOMException('The call was cancelled', 'AbortError');
}

/** Whether a call may be answered by this tier, where its policy has it at home there. */
export function mayRead({ access }: Pick<Call, 'access'>, tier: 'local' | 'shared'): boolean {
  return access === undefined || access.read === 'both' || access.read === tier;
}

/** Whether what a call loads may be kept in this tier, likewise. */
export function mayFill({ access }: Pick<Call, 'access'>, tier: 'local' | 'shared'): boolean {
  return access === undefined || access.write === 'both' || access.write === tier;
}
