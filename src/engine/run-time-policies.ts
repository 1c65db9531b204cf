/**
 * Run-time policies: what the provider says about each use case, as far as it is known here. A call takes what was answered last and never
 * waits: answers are kept for a short time and asked for anew in the background. A provider that is slow or fails changes nothing.
 */
import type { Clock } from '../kernel/clock.js';
import type { ParsedPolicy } from '../kernel/parse-policy.js';
import type { Policy, ResolvedPolicy } from '../kernel/policy.js';
import { overlayPolicies, overlayResolved, parseOverlay } from '../kernel/resolve-policy.js';
import type { PolicyProvider, ProvidedPolicy } from '../ports/policy-provider.js';
import type { Background } from './background.js';
import type { Reporter } from './reporter.js';
import { waitFor } from './waiting.js';

/** How long an answer is taken before the provider is asked again, and how long an answer is waited for; milliseconds. */
const KEPT_FOR = 5_000;
const PATIENCE = 10_000;

/** Most use cases answers are kept for. There are as many as cached methods; names made at run time must not fill the memory. */
const MOST = 10_000;

/** What lies over a use case's policy. */
export class Overlay {
  readonly layer: Policy;
  readonly policy: ParsedPolicy;
  readonly #made = new WeakMap<ResolvedPolicy, ResolvedPolicy>();
  readonly #layers = new WeakMap<Policy, Policy>();

  constructor(layer: Policy, subject: string) {
    this.layer = layer;
    this.policy = parseOverlay(layer, subject);
  }

  over(policy: ResolvedPolicy): ResolvedPolicy {
    const made = this.#made.get(policy) ?? overlayResolved(policy, this.policy);
    this.#made.set(policy, made);
    return made;
  }

  /** This layer over a cache's defaults, for calls to lie on; the same object whenever it is asked for. */
  layerOver(defaults: Policy): Policy {
    const layer = this.#layers.get(defaults) ?? overlayPolicies([defaults, this.layer]);
    this.#layers.set(defaults, layer);
    return layer;
  }
}

export interface RunTimePoliciesOptions {
  readonly provider: PolicyProvider;
  readonly cache: string;
  readonly clock: Clock;
  readonly background: Background;
  readonly reporter: Reporter;
}

interface Answer {
  readonly useCase: string;
  readonly keyType: string | undefined;
  overlay: Overlay | null | undefined;
  /** From when on the provider is to be asked again. */
  dueAt: number;
}

export class RunTimePolicies {
  readonly #options: RunTimePoliciesOptions;
  readonly #answers = new Map<string, Answer>();

  constructor(options: RunTimePoliciesOptions) {
    this.#options = options;
  }

  /** What lies over the policy of a use case as far as is known: null = it is off, undefined = nothing. */
  find(useCase: string | undefined, keyType: string | undefined): Overlay | null | undefined {
    if (useCase === undefined) return undefined;
    const id = keyType === undefined ? useCase : `${useCase}\0${keyType}`;
    const answer = this.#answers.get(id);
    if (answer === undefined) return this.#first(id, { useCase, keyType, overlay: undefined, dueAt: Infinity });
    if (this.#options.clock.monotonic() >= answer.dueAt) this.#askAgain(answer);
    return answer.overlay;
  }

  /** Asks anew for every use case there is: the provider has changed its mind. */
  askAgain(): void {
    for (const answer of this.#answers.values()) this.#askAgain(answer);
  }

  /** The first question is asked at once, so that a provider that knows by heart is heard by the first call already. */
  #first(id: string, answer: Answer): Overlay | null | undefined {
    this.#makeRoom();
    this.#answers.set(id, answer);
    try {
      const provided = this.#ask(answer);
      if (provided instanceof Promise)
        this.#options.background.run(`policy ${id}`, () => this.#await(answer, provided));
      else this.#take(answer, provided);
    } catch (error) {
      this.#failed(answer, error);
    }
    return answer.overlay;
  }

  #makeRoom(): void {
    for (const [oldest] of this.#answers) {
      if (this.#answers.size < MOST) return;
      this.#answers.delete(oldest);
    }
  }

  #askAgain(answer: Answer): void {
    answer.dueAt = Infinity;
    const { useCase, keyType = '' } = answer;
    const started = this.#options.background.run(`policy ${useCase} ${keyType}`, async () => {
      try {
        await this.#await(answer, Promise.resolve(this.#ask(answer)));
      } catch (error) {
        this.#failed(answer, error);
      }
    });
    if (!started) this.#later(answer);
  }

  #ask({ useCase, keyType }: Answer): ProvidedPolicy | Promise<ProvidedPolicy> {
    const { provider, cache } = this.#options;
    return provider(useCase, { cache, keyType });
  }

  async #await(answer: Answer, provided: Promise<ProvidedPolicy>): Promise<void> {
    const waited = await waitFor(provided, this.#options.clock, PATIENCE);
    if (waited.ended === 'value') this.#take(answer, waited.value);
    else this.#failed(answer, waited.ended === 'error' ? waited.error : new Error(`No answer within ${PATIENCE} ms`));
  }

  #take(answer: Answer, provided: ProvidedPolicy): void {
    try {
      if (provided === null || provided === undefined) answer.overlay = provided;
      else answer.overlay = new Overlay(provided, `policyProvider for ${answer.useCase}`);
      this.#later(answer);
    } catch (error) {
      this.#failed(answer, error);
    }
  }

  /** What was known last stays. */
  #failed(answer: Answer, error: unknown): void {
    const { useCase, keyType } = answer;
    this.#options.reporter.error({ key: undefined, useCase, keyType }, 'policy', error);
    this.#later(answer);
  }

  #later(answer: Answer): void {
    answer.dueAt = this.#options.clock.monotonic() + KEPT_FOR;
  }
}
