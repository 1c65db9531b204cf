import { describe, expect, it } from 'vitest';
import { refuse, shown } from '../../../src/kernel/expectation.js';

describe('shown', () => {
  it.each([
    [-0, '`-0` (number)'],
    ['x', "`'x'` (string)"],
    [Symbol('s'), '`Symbol(s)` (symbol)'],
    [() => 1, '`function` (function)'],
    [RangeError, '`RangeError` (function)'],
    [new Map([['secret', 1]]), '`{…}` (Map)'],
    [Object.create(null), '`{…}` (object)'],
    [{ constructor: 'odd' }, '`{…}` (object)'],
    [new Date(Number.NaN), '`Invalid Date` (Date)'],
    ['line\nbreak\0', "`'line\\u000abreak\\u0000'` (string)"],
  ])('%#: shows text and kind', (value, expected) => {
    expect(shown(value)).toBe(expected);
  });

  it('never shows the content of an object', () => {
    expect(shown({ password: 'hunter2' })).not.toContain('hunter2');
    expect(shown(['hunter2'])).not.toContain('hunter2');
  });

  it('cuts long texts, and writes no half characters', () => {
    const text = shown(`${'x'.repeat(79)}😀${'y'.repeat(1_000)}`);
    expect(text.length).toBeLessThan(110);
    expect(text.isWellFormed()).toBe(true);
  });

  it('survives a class whose name is not a text', () => {
    class Odd {
      readonly is = 'odd';
    }
    Object.defineProperty(Odd, 'name', { value: 5 });
    expect(shown(new Odd())).toBe('`{…}` (5)');
    expect(shown(Odd)).toBe('`5` (function)');
  });
});

describe('refuse', () => {
  it('says option, expectation, value and subject, and carries the code', () => {
    const error = refuse({
      option: 'poolSize',
      expected: 'a count',
      got: 1.5,
      subject: 'createCache',
      code: 'INVALID_OPTION',
    });
    expect(error.message).toBe('Expected `poolSize` to be a count, got `1.5` (number), in createCache');
    expect(error.code).toBe('INVALID_OPTION');
    expect(refuse({ option: 'ttl', expected: 'x', got: 1 }).code).toBe('INVALID_POLICY');
  });
});
