/**
 * Terms: how a call may use the cache here and now. The scope it runs in, the run-time provider, the ramp of its key and the consistency
 * it wants decide, in this order; each can only take away. A call that nothing of this concerns is left as it is, and pays next to nothing for the question.
 */
import type { BypassReason } from '../kernel/events.js';
import type { Consistency, Policy, ResolvedPolicy, Tiers } from '../kernel/policy.js';
import { type Ramp, rampOver, tiersOn } from '../kernel/ramp.js';
import type { Access } from './access.js';
import { type Call, type Engine, mayRead } from './call.js';
import { EVERYTHING, NOTHING, PAST_LOCAL, restricted, scopedAccess } from './call-scope.js';
import type { FindOptions } from './find.js';
import type { LoadContext } from './load-context.js';
import type { Overlay } from './run-time-policies.js';

/** What must be known of a call to say its terms. */
interface Wanted {
  readonly key: string;
  readonly useCase?: string | undefined;
  readonly keyType?: string | undefined;
  readonly tiers: Tiers;
  readonly consistency?: Consistency | undefined;
  readonly ramp?: Ramp | undefined;
  /** What the call itself says of these, where it is not its policy that knows. */
  readonly own?: Pick<Policy, 'tiers' | 'consistency'> | undefined;
  overlaid?(overlay: Overlay): ResolvedPolicy;
}

/** What a call may use, and what lies over its policy; undefined = as it is. */
interface Terms {
  readonly access: Access | undefined;
  readonly overlay: Overlay | undefined;
  readonly tiers: Tiers;
  readonly consistency: Consistency;
}

/** The terms of a call, undefined = those it has, or why it may not use the cache at all. */
function termsOf(engine: Engine, wanted: Wanted): Terms | BypassReason | undefined {
  const scoped = scopedAccess(engine, engine.scope);
  const overlay = engine.runTimePolicies?.find(wanted.useCase, wanted.keyType);
  if (scoped === NOTHING) return 'scope';
  if (overlay === null) return 'provider';
  const { tiers, ramp, consistency } = overlay === undefined ? wanted : laidOver(wanted, overlay);
  const isStrong = consistency === 'strong';
  if (scoped === undefined && overlay === undefined && ramp === undefined && !isStrong) return undefined;
  const inScope = restricted({ read: tiers, write: tiers }, scoped ?? EVERYTHING);
  if (isNothing(inScope)) return 'scope';
  const on = ramp === undefined ? 'both' : tiersOn(ramp, wanted.key);
  const access = on === 'both' ? inScope : restricted(inScope, { read: on, write: on });
  if (isNothing(access)) return 'ramp';
  const terms = { overlay, tiers, consistency: isStrong ? 'strong' : 'eventual' } as const;
  if (isStrong) return { ...terms, access: restricted(access, PAST_LOCAL) };
  return { ...terms, access: on === 'both' && scoped === undefined ? undefined : access };
}

/** Whether a call may use the cache as its policy says, whatever its key: nothing here and now takes anything away. */
export function isUnconcerned(engine: Engine, wanted: Omit<Wanted, 'key'>): boolean {
  if (wanted.ramp !== undefined || wanted.consistency === 'strong') return false;
  if (scopedAccess(engine, engine.scope) !== undefined) return false;
  return engine.runTimePolicies?.find(wanted.useCase, wanted.keyType) === undefined;
}

/** What is wanted with a provider's answer in it: beneath what the call itself says, above everything else. */
function laidOver(wanted: Wanted, overlay: Overlay): Pick<Wanted, 'tiers' | 'ramp' | 'consistency'> {
  const { policy } = overlay;
  const isConcerned = policy.tiers !== undefined || policy.ramp !== undefined || policy.consistency !== undefined;
  if (!isConcerned) return wanted;
  const overlaid = wanted.overlaid?.(overlay);
  if (overlaid !== undefined) return overlaid;
  const { own } = wanted;
  return {
    tiers: own?.tiers ?? policy.tiers ?? wanted.tiers,
    ramp: rampOver(wanted.ramp, policy.ramp),
    consistency: own?.consistency ?? policy.consistency ?? wanted.consistency,
  };
}

/** The same for a call that is to be made: itself where nothing changes. */
export function onTerms(engine: Engine, call: Call): Call | BypassReason {
  const terms = termsOf(engine, call);
  if (terms === undefined) return call;
  return typeof terms === 'string' ? terms : new CallOnTerms(call, terms);
}

/** How a read without a loader is made, or why it finds nothing. */
export function readOnTerms(engine: Engine, wanted: ReadWanted): ReadWanted | BypassReason {
  const { subject, policy } = wanted;
  const { key, useCase, keyType } = subject;
  // Written out: copying one object into another would be the greater part of a local hit.
  const { tiers, consistency, ramp, own } = policy;
  const terms = termsOf(engine, { key, useCase, keyType, tiers, consistency, ramp, own });
  if (terms === undefined) return wanted;
  if (typeof terms === 'string') return terms;
  if (terms.access?.read === 'none') return 'scope';
  const isMoved = terms.tiers !== tiers;
  const changed = isMoved ? { ...policy, tiers: terms.tiers } : policy;
  return { ...wanted, subject: { ...subject, access: terms.access }, policy: changed };
}

/** A read without a loader. */
export interface ReadWanted extends FindOptions {
  readonly policy: FindOptions['policy'] & Partial<Pick<ResolvedPolicy, 'ramp' | 'consistency'>> & Pick<Wanted, 'own'>;
}

/** Whether a read may be answered by the local tier. */
export function isLocallyRead({ subject, policy }: FindOptions): boolean {
  return policy.tiers !== 'shared' && mayRead(subject, 'local');
}

function isNothing({ read, write }: Access): boolean {
  return read === 'none' && write === 'none';
}

class CallOnTerms implements Call {
  readonly key: string;
  readonly access: Access | undefined;
  readonly #call: Call;
  readonly #terms: Terms;
  #policy: ResolvedPolicy | undefined;

  constructor(call: Call, terms: Terms) {
    this.key = call.key;
    this.access = terms.access;
    this.#call = call;
    this.#terms = terms;
  }

  get useCase(): string | undefined {
    return this.#call.useCase;
  }

  get keyType(): string | undefined {
    return this.#call.keyType;
  }

  get tiers(): Tiers {
    return this.#terms.tiers;
  }

  get consistency(): Consistency {
    return this.#terms.consistency;
  }

  get args(): readonly unknown[] | undefined {
    return this.#call.args;
  }

  get policy(): ResolvedPolicy {
    const { overlay } = this.#terms;
    this.#policy ??=
      overlay === undefined ? this.#call.policy : (this.#call.overlaid?.(overlay) ?? overlay.over(this.#call.policy));
    return this.#policy;
  }

  get signal(): AbortSignal | undefined {
    return this.#call.signal;
  }

  tags(): readonly string[] {
    return this.#call.tags();
  }

  load(context: LoadContext): unknown {
    return this.#call.load(context);
  }

  standsBack(): void {
    this.#call.standsBack?.();
  }

  under(key: string): Call {
    return new CallOnTerms(this.#call.under(key), this.#terms);
  }
}
