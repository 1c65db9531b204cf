/** Prints what happened when, and where each answer came from, as the events of the caches tell it. */
import type { CacheEvent, Observer } from 'keepsake';

export class Timeline implements Observer {
  readonly #began = performance.now();
  #last: CacheEvent | undefined;

  onEvent(event: CacheEvent): void {
    if (event.type === 'breaker') this.line('the breaker', event.state);
    if (/^(hit|miss|bypass|fallback)$/.test(event.type)) this.#last = event;
  }

  chapter(title: string): void {
    console.log(`\n${title}`);
    this.#print('seconds', 'what', 'answer', 'from', 'ms');
  }

  line(what: string, answer: string, from = '', ms = ''): void {
    const seconds = ((performance.now() - this.#began) / 1_000).toFixed(1);
    this.#print(seconds.padStart(7), what, answer, from, ms);
  }

  /** Makes a call and prints its line; an error is an answer too. */
  async call(what: string, make: () => Promise<unknown>): Promise<void> {
    this.#last = undefined;
    const began = performance.now();
    const answer = await make().catch((error: unknown) => (error instanceof Error ? error.name : error));
    this.line(what, String(answer), this.#source(), (performance.now() - began).toFixed(1));
  }

  #source(): string {
    if (this.#last?.type === 'hit') return `${this.#last.tier}, ${this.#last.state}`;
    // A bypass is a call that did not even ask the store.
    if (this.#last?.type === 'miss' || this.#last?.type === 'bypass') return 'loader';
    return this.#last?.type ?? '';
  }

  #print(seconds: string, what: string, answer: string, from: string, ms: string): void {
    console.log(`${seconds}  ${what.padEnd(44)}${answer.padEnd(22)}${from.padEnd(15)}${ms.padStart(6)}`.trimEnd());
  }
}
