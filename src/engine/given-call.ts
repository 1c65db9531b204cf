/** A call given with its own policy: `getOrSet`. A local hit needs no resolved policy, so it is resolved when it is first asked for. */
import { POLICY_DEFAULTS } from '../kernel/defaults.js';
import type { Consistency, Policy, ResolvedPolicy, Tiers } from '../kernel/policy.js';
import { memoOf } from '../kernel/policy-memo.js';
import { parseRamp, type Ramp, rampOver } from '../kernel/ramp.js';
import type { Call } from './call.js';
import type { LoadContext } from './load-context.js';
import type { Overlay } from './run-time-policies.js';

/** What `getOrSet` takes beside a policy. */
export interface CallOptions extends Policy {
  /** Gives up waiting when it aborts; the load goes on while others wait for it. */
  readonly signal?: AbortSignal | undefined;
}

/** Policies that were resolved before, by the object they were given in, for each cache's defaults. */
const resolved = new WeakMap<Policy, WeakMap<CallOptions, ResolvedPolicy>>();

export class GivenCall implements Call {
  readonly key: string;
  readonly tiers: Tiers;
  readonly consistency: Consistency;
  readonly ramp: Ramp | undefined;
  readonly signal: AbortSignal | undefined;
  readonly #loader: (context: LoadContext) => unknown;
  readonly #options: CallOptions;
  readonly #defaults: Policy;
  #policy: ResolvedPolicy | undefined;
  #overlaid: { readonly overlay: Overlay; readonly policy: ResolvedPolicy } | undefined;

  constructor(key: string, load: (context: LoadContext) => unknown, options: CallOptions, defaults: Policy) {
    this.key = key;
    this.#loader = load;
    this.tiers = options.tiers ?? defaults.tiers ?? POLICY_DEFAULTS.tiers;
    this.consistency =
      this.tiers === 'local'
        ? 'eventual'
        : (options.consistency ?? defaults.consistency ?? POLICY_DEFAULTS.consistency);
    this.ramp = rampOver(rampOf(defaults.ramp), rampOf(options.ramp));
    this.signal = options.signal;
    this.#options = options;
    this.#defaults = defaults;
  }

  get useCase(): string | undefined {
    return this.#options.useCase ?? this.#defaults.useCase;
  }

  get keyType(): string | undefined {
    return this.#options.keyType ?? this.#defaults.keyType;
  }

  get policy(): ResolvedPolicy {
    this.#policy ??= resolveOnce(this.#options, this.#defaults, `getOrSet(\`${this.key}\`)`);
    return this.#policy;
  }

  overlaid(overlay: Overlay): ResolvedPolicy {
    if (this.#overlaid?.overlay !== overlay) {
      const given = { options: this.#options, defaults: this.#defaults, policy: this.policy };
      this.#overlaid = { overlay, policy: overlaidBy(overlay, given, `getOrSet(\`${this.key}\`)`) };
    }
    return this.#overlaid.policy;
  }

  /** All its tags are those of its policy. */
  tags(): readonly string[] {
    return [];
  }

  load(context: LoadContext): unknown {
    return this.#loader(context);
  }

  under(key: string): Call {
    return new GivenCall(key, this.#loader, this.#options, this.#defaults);
  }
}

function rampOf(ramp: Policy['ramp']): Ramp | undefined {
  return ramp === undefined ? undefined : parseRamp(ramp, 'getOrSet()');
}

/** What a call was given, and the policy that is made of it. */
interface Given {
  readonly options: CallOptions;
  readonly defaults: Policy;
  readonly policy: ResolvedPolicy;
}

/** A call's own options lie over the provider's, unless they contradict them: what a provider says never fails a call. */
export function overlaidBy(overlay: Overlay, { options, defaults, policy }: Given, subject: string): ResolvedPolicy {
  const { signal: _signal, ...own } = options;
  try {
    return memoOf(overlay.layerOver(defaults)).resolve(own, subject);
  } catch {
    return overlay.over(policy);
  }
}

/** The policy of a call's options over a cache's defaults; of options that cannot change it is made once. */
export function resolveOnce(options: CallOptions, defaults: Policy, subject: string): ResolvedPolicy {
  let known = resolved.get(defaults);
  if (known === undefined) {
    known = new WeakMap();
    resolved.set(defaults, known);
  }
  let policy = known.get(options);
  if (policy === undefined) {
    const { signal: _signal, ...own } = options;
    policy = memoOf(defaults).resolve(own, subject);
    // An object that may still be changed cannot stand for what it says now.
    if (Object.isFrozen(options)) known.set(options, policy);
  }
  return policy;
}
