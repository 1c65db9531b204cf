/**
 * Terms: how a call may use the cache here and now. The scope it runs in, the run-time provider, the ramp of its key and the consistency
 * it wants decide, in this order; each can only take away. A call that nothing of this concerns is left as it is, and pays next to nothing for the question.
 */
import type { BypassReason } from '../kernel/events.js';
import type { Consistency, ResolvedPolicy, Tiers } from '../kernel/policy.js';
import { type ResolvedRamp, tiersOn } from '../kernel/ramp.js';
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
  readonly ramp?: ResolvedRamp | undefined;
  overlaid?(overlay: Overlay): ResolvedPolicy;
}

/** What a call may use, and what lies over its policy; undefined = as it is. */
interface Terms {
  readonly access: Access | undefined;
  readonly overlay: Overlay | undefined;
}

const AS_IT_IS: Terms = { access: undefined, overlay: undefined };

/** The terms of a call, or why it may not use the cache at all. */
function termsOf(engine: Engine, wanted: Wanted): Terms | BypassReason {
  const scoped = scopedAccess(engine, engine.scope);
  const provided = engine.runTimePolicies?.find(wanted.useCase, wanted.keyType);
  if (scoped === NOTHING) return 'scope';
  if (provided === null) return 'provider';
  const ramp = provided?.policy.ramp ?? wanted.ramp;
  const isStrong = wantsStrong(wanted, provided);
  if (scoped === undefined && provided === undefined && ramp === undefined && !isStrong) return AS_IT_IS;
  const tiers = provided?.policy.tiers ?? wanted.tiers;
  const inScope = restricted({ read: tiers, write: tiers }, scoped ?? EVERYTHING);
  if (isNothing(inScope)) return 'scope';
  const on = ramp === undefined ? 'both' : tiersOn(ramp, wanted.key);
  const access = on === 'both' ? inScope : restricted(inScope, { read: on, write: on });
  if (isNothing(access)) return 'ramp';
  if (isStrong) return { access: restricted(access, PAST_LOCAL), overlay: provided };
  return { access: on === 'both' && scoped === undefined ? undefined : access, overlay: provided };
}

/** Whether a copy of this process is too old for a call however new it is. */
function wantsStrong(wanted: Wanted, provided: Overlay | undefined): boolean {
  const { consistency } = provided?.policy ?? {};
  if (provided === undefined || consistency === undefined) return wanted.consistency === 'strong';
  return (wanted.overlaid?.(provided).consistency ?? consistency) === 'strong';
}

/** The same for a call that is to be made: itself where nothing changes. */
export function onTerms(engine: Engine, call: Call): Call | BypassReason {
  const terms = termsOf(engine, call);
  if (terms === AS_IT_IS) return call;
  return typeof terms === 'string' ? terms : new CallOnTerms(call, terms);
}

/** How a read without a loader is made, or why it finds nothing. */
export function readOnTerms(engine: Engine, wanted: ReadWanted): ReadWanted | BypassReason {
  const { subject, policy } = wanted;
  const { key, useCase, keyType } = subject;
  // Written out: copying one object into another would be the greater part of a local hit.
  const { tiers, consistency, ramp } = policy;
  const terms = termsOf(engine, { key, useCase, keyType, tiers, consistency, ramp });
  if (terms === AS_IT_IS) return wanted;
  if (typeof terms === 'string') return terms;
  if (terms.access?.read === 'none') return 'scope';
  return { ...wanted, subject: { ...subject, access: terms.access } };
}

/** A read without a loader. */
export interface ReadWanted extends FindOptions {
  readonly policy: FindOptions['policy'] & Partial<Pick<ResolvedPolicy, 'ramp' | 'consistency'>>;
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
    return this.#terms.overlay?.policy.tiers ?? this.#call.tiers;
  }

  get consistency(): Consistency {
    return this.#terms.overlay?.policy.consistency === undefined ? this.#call.consistency : this.policy.consistency;
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
