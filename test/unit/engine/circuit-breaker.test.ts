import { describe, expect, it } from 'vitest';
import { type Admission, CircuitBreaker } from '../../../src/engine/circuit-breaker.js';
import { FakeClock } from '../../support/fake-clock.js';

function breakerOf(failures = 3, probeAfter = 2_000) {
  const clock = new FakeClock();
  const changes: string[] = [];
  const breaker = new CircuitBreaker({ failures, probeAfter }, clock, (state) => changes.push(state));
  const admit = (): Admission => {
    const admission = breaker.admit();
    if (admission === 'refused') throw new Error('refused');
    return admission;
  };
  const fail = (): void => breaker.failed(admit());
  const open = (): void => {
    for (let failure = 0; failure < failures; failure += 1) fail();
  };
  return { clock, breaker, changes, admit, fail, open };
}

describe('the circuit breaker', () => {
  it('opens after so many failures in a row, and refuses until a probe is due', () => {
    const { clock, breaker, changes, fail } = breakerOf(3, 2_000);
    fail();
    fail();
    expect([breaker.state, breaker.refuses]).toEqual(['closed', false]);
    fail();
    expect([breaker.state, breaker.refuses, breaker.refusesFor, changes]).toEqual(['open', true, 2_000, ['open']]);
    expect(breaker.admit()).toBe('refused');
    clock.advance(1_999);
    expect([breaker.admit(), breaker.refusesFor]).toEqual(['refused', 1]);
    clock.advance(1);
    expect(breaker.refuses).toBe(false);
  });

  it('a success in between begins the count anew', () => {
    const { breaker, fail } = breakerOf(3);
    fail();
    fail();
    breaker.succeeded();
    fail();
    fail();
    expect(breaker.state).toBe('closed');
  });

  it('calls that were under way at one time and failed together are one failure', () => {
    const { breaker, admit } = breakerOf(3);
    for (let round = 1; round <= 3; round += 1) {
      expect(breaker.state).toBe('closed');
      for (const admission of Array.from({ length: 200 }, admit)) breaker.failed(admission);
    }
    expect(breaker.state).toBe('open');
  });

  it('half-open: one call is the probe, all others are refused until it has ended', () => {
    const { clock, breaker, open, admit } = breakerOf();
    open();
    clock.advance(2_000);
    const probe = admit();
    expect(breaker.state).toBe('half-open');
    expect([breaker.admit(), breaker.admit(), breaker.refuses]).toEqual(['refused', 'refused', true]);
    breaker.failed(probe);
    expect([breaker.state, breaker.refusesFor]).toEqual(['open', 2_000]);
  });

  it('a probe that succeeds closes it, with the whole count before it opens again', () => {
    const { clock, breaker, changes, open, admit, fail } = breakerOf(3);
    open();
    clock.advance(2_000);
    admit();
    breaker.succeeded();
    expect([breaker.state, changes]).toEqual(['closed', ['open', 'closed']]);
    fail();
    fail();
    expect(breaker.state).toBe('closed');
  });

  it('a probe that says nothing about the store leaves its turn to the next call', () => {
    const { clock, breaker, open, admit } = breakerOf();
    open();
    clock.advance(2_000);
    breaker.abstained(admit());
    expect([breaker.state, breaker.refuses]).toEqual(['open', false]);
    admit();
    expect(breaker.state).toBe('half-open');
  });

  it('calls let through before it opened do not decide a probe by failing late, and close it by succeeding late', () => {
    const { clock, breaker, open, admit } = breakerOf();
    const late = admit();
    open();
    clock.advance(2_000);
    admit();
    breaker.failed(late);
    expect(breaker.state).toBe('half-open');
    breaker.abstained(late);
    expect(breaker.state).toBe('half-open');
    breaker.succeeded();
    expect(breaker.state).toBe('closed');
  });
});
