import { describe, expect, it } from 'vitest';
import { PolicyMemo } from '../../../src/kernel/policy-memo.js';
import { resolvePolicy } from '../../../src/kernel/resolve-policy.js';

const BELOW = Object.freeze({ ttl: '5m', grace: '1h' });

describe('PolicyMemo', () => {
  it.each([
    {},
    { ttl: '1m' },
    { ttl: 60_000, tags: ['a', 'b', 'a'] },
    { sliding: '30s', cacheNull: false, tags: [] },
    { expiresAt: new Date(5) },
    { ttl: undefined, useCase: 'x' },
    { exceptions: [TypeError], ttl: 1 },
  ])('%j resolves as without a memo, the first time and the second', (policy) => {
    const memo = new PolicyMemo(BELOW);
    const { accepts: _accepts, ...expected } = resolvePolicy([BELOW, policy], 'x');
    for (let i = 0; i < 2; i += 1) {
      const { accepts, ...resolved } = memo.resolve(policy, 'x');
      expect(resolved).toEqual(expected);
      expect(accepts(new TypeError('x', { cause: 1 }))).toBe(true);
    }
  });

  it('tells policies apart that only look alike', () => {
    const memo = new PolicyMemo(BELOW);
    expect(memo.resolve({ ttl: 1000 }, 'x').ttl).toBe(1000);
    expect(memo.resolve({ ttl: '1000' }, 'x').ttl).toBe(1000);
    expect(memo.resolve({ ttl: '1s', useCase: 'a 7 keyType string 1 b' }, 'x')).toMatchObject({
      useCase: 'a 7 keyType string 1 b',
      keyType: undefined,
    });
    expect(memo.resolve({ ttl: '1s', useCase: 'a', keyType: 'b' }, 'x')).toMatchObject({ useCase: 'a', keyType: 'b' });
  });

  it('tags of one call are not those of the next', () => {
    const memo = new PolicyMemo({ ...BELOW, tags: ['below'] });
    expect(memo.resolve({ ttl: 1, tags: ['one'] }, 'x').tags).toEqual(['one']);
    expect(memo.resolve({ ttl: 1 }, 'x').tags).toEqual(['below']);
    expect(memo.resolve({ ttl: 1, tags: ['two'] }, 'x').tags).toEqual(['two']);
  });

  it('refuses what is wrong, every time, and names whose it is', () => {
    const memo = new PolicyMemo(BELOW);
    for (const subject of ['set(`a`)', 'set(`b`)']) {
      expect(() => memo.resolve({ ttl: -5 }, subject)).toThrow(subject);
      expect(() => memo.resolve({ ttl: 1, tags: [''] }, subject)).toThrow(subject);
      expect(() => memo.resolve({ tll: 1 } as object, subject)).toThrow('did you mean `ttl`');
      expect(() => memo.resolve(null as unknown as object, subject)).toThrow(subject);
    }
  });

  it('forgets before it holds many', () => {
    const memo = new PolicyMemo(BELOW);
    const first = memo.resolve({ ttl: 1 }, 'x');
    expect(memo.resolve({ ttl: 1 }, 'y')).toBe(first);
    for (let ttl = 2; ttl < 600; ttl += 1) memo.resolve({ ttl }, 'x');
    expect(memo.resolve({ ttl: 1 }, 'x')).not.toBe(first);
  });
});
