/** A deadline: the moment by which a caller is answered, whatever the work it waits for does. */
import { StoreError } from '../errors.js';

export class Deadline {
  readonly #ms: number;
  readonly #end: number;

  /** Milliseconds from now. */
  constructor(ms: number) {
    this.#ms = ms;
    this.#end = performance.now() + ms;
  }

  left(): number {
    return this.#end - performance.now();
  }

  /**
   * The result of `work`, or a StoreError with this outcome when it comes too late. Decided only after one more turn of
   * the event loop: after a pause of this very process, answers that arrived in time are still waiting to be read.
   */
  over<T>(work: Promise<T>, outcome: 'failed' | 'unknown'): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const late = () => reject(new StoreError(`PostgreSQL did not answer within ${this.#ms} ms`, { outcome }));
      const timer = setTimeout(() => setImmediate(late), Math.max(0, this.left()));
      work.then(
        (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  }
}
