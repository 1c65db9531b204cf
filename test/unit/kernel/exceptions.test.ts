import { describe, expect, it } from 'vitest';
import { ConfigurationError, LoadTimeoutError, StoreError } from '../../../src/errors.js';
import { isAcceptedByDefault, parseExceptions } from '../../../src/kernel/exceptions.js';

abstract class OriginError extends Error {}
class FetchError extends OriginError {}

describe('isAcceptedByDefault', () => {
  it.each<[string, unknown]>([
    ['an Error', new Error('origin down')],
    ['one of a class of its own', new FetchError('x')],
    ['a RangeError', new RangeError('x')],
    ['a TypeError with a cause, as of fetch', new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') })],
    ['a loader’s timeout', new LoadTimeoutError('LOAD_TIMEOUT', 'x')],
    ['a load given up', new LoadTimeoutError('LOAD_ABANDONED', 'x')],
    ['undefined', undefined],
    ['null', null],
    ['0', 0],
    ['a text', 'down'],
  ])('%s may be answered stale', (_, error) => {
    expect(isAcceptedByDefault(error)).toBe(true);
  });

  it.each<[string, unknown]>([
    ['a TypeError without a cause', new TypeError('x is undefined')],
    ['a TypeError whose cause is undefined', new TypeError('x', { cause: undefined })],
    ['a ReferenceError', new ReferenceError('x is not defined')],
    ['a SyntaxError', new SyntaxError('x')],
    ['our StoreError', new StoreError('x', { outcome: 'failed' })],
    ['our ConfigurationError', new ConfigurationError('INVALID_POLICY', 'x')],
  ])('%s says the program is wrong, and is thrown', (_, error) => {
    expect(isAcceptedByDefault(error)).toBe(false);
  });

  it('fails with what fetch really throws', async () => {
    const error: unknown = await fetch('http://127.0.0.1:1/').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect(isAcceptedByDefault(error)).toBe(true);
  });
});

describe('parseExceptions', () => {
  it('classes accept their instances, subclasses and abstract ones included', () => {
    const accepts = parseExceptions([OriginError, RangeError], 'X');
    const asked = [new FetchError('x'), new RangeError('x'), new Error('x'), new TypeError('x'), undefined];
    expect(asked.map(accepts)).toEqual([true, true, false, false, false]);
  });

  it('a list overrides what the default never accepts', () => {
    expect(parseExceptions([TypeError], 'X')(new TypeError('x'))).toBe(true);
  });

  it('a predicate accepts what it answers true for, and nothing else', () => {
    const asked: unknown[] = [];
    const accepts = parseExceptions((error: unknown) => {
      asked.push(error);
      return error === 'down';
    }, 'X');
    expect([accepts('down'), accepts('up'), accepts(undefined)]).toEqual([true, false, false]);
    expect(asked).toEqual(['down', 'up', undefined]);
  });

  it.each<[string, unknown]>([
    ['a text', () => 'yes'],
    ['1', () => 1],
    ['a promise', () => Promise.resolve(true)],
    [
      'an exception',
      () => {
        throw new Error('bug');
      },
    ],
  ])('a predicate that answers with %s accepts nothing, and throws nothing', (_, predicate) => {
    expect(parseExceptions(predicate, 'X')(new Error('x'))).toBe(false);
  });
});
