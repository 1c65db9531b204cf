/** A part of a call for many values: one of them, with its own key, loaded together with the others. */
import type { Consistency, ResolvedPolicy, Tiers } from '../kernel/policy.js';
import type { Ramp } from '../kernel/ramp.js';
import type { Call } from './call.js';
import type { LoadContext } from './load-context.js';
import { type LoaderOfMany, LoadTogether } from './load-together.js';
import type { Overlay } from './run-time-policies.js';

/** What all parts of one call have in common. */
export interface WholeCall {
  readonly policy: ResolvedPolicy;
  /** With a run-time overlay in it, where that does not simply lie over everything. */
  readonly overlaid?: ((overlay: Overlay) => ResolvedPolicy) | undefined;
  readonly useCase: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly keys: readonly string[];
  /** Tags of one part, beside the policy's. May throw KeyError. */
  tagsOf(position: number): readonly string[];
  readonly load: LoaderOfMany;
}

/** Parts of a call, one for each of its keys at these places; what is loaded of them is loaded together. */
export function partsOf(whole: WholeCall, places: readonly number[] = [...whole.keys.keys()]): readonly PartCall[] {
  const together = new LoadTogether(places.length, (chosen, context) => {
    const positions = chosen.map((at) => places[at] ?? 0);
    return whole.load(positions, context);
  });
  return places.map((position, at) => new PartCall(whole, together, { key: whole.keys[position] ?? '', position, at }));
}

export class PartCall implements Call {
  readonly key: string;
  readonly #whole: WholeCall;
  readonly #together: LoadTogether;
  /** Where its key stands among all of the call. */
  readonly position: number;
  /** Where it stands among those that load together. */
  readonly #at: number;
  #tags: readonly string[] | undefined;

  constructor(
    whole: WholeCall,
    together: LoadTogether,
    { key, position, at }: { readonly key: string; readonly position: number; readonly at: number },
  ) {
    this.key = key;
    this.#whole = whole;
    this.#together = together;
    this.position = position;
    this.#at = at;
  }

  get useCase(): string | undefined {
    return this.#whole.useCase;
  }

  get keyType(): string | undefined {
    return this.#whole.policy.keyType;
  }

  get tiers(): Tiers {
    return this.#whole.policy.tiers;
  }

  get consistency(): Consistency {
    return this.#whole.policy.consistency;
  }

  get ramp(): Ramp | undefined {
    return this.#whole.policy.ramp;
  }

  get policy(): ResolvedPolicy {
    return this.#whole.policy;
  }

  overlaid(overlay: Overlay): ResolvedPolicy {
    const { policy, overlaid } = this.#whole;
    return overlaid?.(overlay) ?? overlay.over(policy);
  }

  get signal(): AbortSignal | undefined {
    return this.#whole.signal;
  }

  /** Built once, when a load begins: from the arguments as they were given, whatever the loader does to them. */
  tags(): readonly string[] {
    this.#tags ??= this.#whole.tagsOf(this.position);
    return this.#tags;
  }

  load(context: LoadContext): unknown {
    return this.#together.ask(this.#at, context);
  }

  standsBack(): void {
    this.#together.decided(this.#at);
  }

  under(key: string): Call {
    return new PartCall(this.#whole, this.#together, { key, position: this.position, at: this.#at });
  }
}
