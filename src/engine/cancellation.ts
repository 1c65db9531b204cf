/** Cancellation: an AbortController that is made when its signal is first looked at. Most loaders never do, and one costs a kilobyte. */
export class Cancellation {
  #controller: AbortController | undefined;
  #cancelled: { readonly reason: unknown } | undefined;

  /** Whether it is cancelled. */
  get isCancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled !== undefined) this.#controller.abort(this.#cancelled.reason);
    }
    return this.#controller.signal;
  }

  /** Aborts the signal; the first reason stays. */
  cancel(reason: unknown): void {
    this.#cancelled ??= { reason };
    this.#controller?.abort(reason);
  }

  /** Throws the reason, if it is cancelled. */
  throwIfCancelled(): void {
    if (this.#cancelled !== undefined) throw this.#cancelled.reason;
  }
}
