import { turnOfTheLoop } from './test-cache.js';

/** A loader that notes what it was asked for and waits until the test lets it answer. */
export class ManyGate {
  readonly asked: (readonly string[])[] = [];
  readonly signals: AbortSignal[] = [];
  readonly #waiting: { answer: () => void; fail: (error: unknown) => void }[] = [];

  readonly load = (keys: readonly string[], { signal }: { signal: AbortSignal }): Promise<string[]> => {
    this.asked.push(keys);
    this.signals.push(signal);
    return new Promise((resolve, reject) =>
      this.#waiting.push({ answer: () => resolve(keys.map((key) => `loaded ${key}`)), fail: reject }),
    );
  };

  async begun(calls = 1): Promise<void> {
    for (let turn = 0; this.asked.length < calls; turn += 1) {
      if (turn > 1_000) throw new Error(`${this.asked.length} loads began, ${calls} were awaited`);
      await turnOfTheLoop();
    }
  }

  /** Lets the oldest waiting call answer. */
  open(): void {
    this.#waiting.shift()?.answer();
  }

  fail(error: unknown): void {
    this.#waiting.shift()?.fail(error);
  }
}
