import { describe, expect, it } from 'vitest';
import { Cancellation } from '../../../src/engine/cancellation.js';

describe('INVARIANT 17: a cancellation', () => {
  it('aborts its signal, whether that was looked at before or is afterwards; the first reason stays', () => {
    const [before, after] = [new Cancellation(), new Cancellation()];
    const { signal } = before;
    expect([signal.aborted, before.isCancelled]).toEqual([false, false]);
    for (const cancellation of [before, after]) {
      cancellation.throwIfCancelled();
      cancellation.cancel('nobody waits');
      cancellation.cancel('again');
      expect(cancellation.isCancelled).toBe(true);
      expect(() => cancellation.throwIfCancelled()).toThrow('nobody waits');
    }
    expect([signal.aborted, signal.reason]).toEqual([true, 'nobody waits']);
    expect([after.signal.aborted, after.signal.reason]).toEqual([true, 'nobody waits']);
    expect(after.signal).toBe(after.signal);
  });
});
