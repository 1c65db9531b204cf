/** The policy provider port: who changes, while the program runs, how use cases are cached. */
import type { Consistency, LifetimePolicy, Tiers } from '../kernel/policy.js';
import type { Ramp } from '../kernel/ramp.js';

/** What a provider lays over a use case's own policy; what it leaves out stays as it is. */
export interface PolicyOverlay extends LifetimePolicy {
  readonly tiers?: Tiers | undefined;
  readonly consistency?: Consistency | undefined;
  readonly ramp?: Ramp | undefined;
}

/** What a provider is told beside the use case. */
export interface KeyInfo {
  /** The cache's name. */
  readonly cache: string;
  /** The policy's `keyType`. */
  readonly keyType: string | undefined;
}

/** What a provider answers: an overlay, `null` = this use case is not cached at all, undefined = nothing to say. */
export type ProvidedPolicy = PolicyOverlay | null | undefined;

/**
 * Asked now and then for each use case, in the background: no call ever waits for it.
 *
 * @example const provider: PolicyProvider = async (useCase) => (await flags.get(`cache:${useCase}`)) ?? undefined
 */
export type PolicyProvider = (useCase: string, key: KeyInfo) => ProvidedPolicy | Promise<ProvidedPolicy>;

/** Policies that are kept beside the entries, whose changes are heard. */
export interface PolicySource {
  readonly provider: PolicyProvider;
  /** The log's name that a change is told by. */
  readonly changedName: string;
  /** Makes what it knows known, before the first call asks. */
  read(): Promise<unknown>;
  /** Forgets what was read: it has changed. */
  forget(): void;
}
