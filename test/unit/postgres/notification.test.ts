import { describe, expect, it } from 'vitest';
import { nameHash } from '../../../src/kernel/name-hash.js';
import { hashTexts, parsePayload } from '../../../src/postgres/notification.js';

describe('payloads', () => {
  it('INVARIANT 9: any number of names comes back as it was sent, in messages that fit', () => {
    const names = Array.from({ length: 5_000 }, (_, i) => `t|tag ${i}`);
    const messages = hashTexts(names).map((text) => `9007199254740991 ${text}`);
    for (const message of messages) expect(Buffer.byteLength(message)).toBeLessThanOrEqual(7_999);
    const parsed = messages.map(parsePayload);
    expect(parsed.flatMap((message) => message?.hashes ?? [])).toEqual(names.map(nameHash));
    expect(new Set(parsed.map((message) => message?.xid))).toEqual(new Set([9_007_199_254_740_991]));
  });

  it.each([
    '',
    ' ',
    '12',
    '12 ',
    ' a',
    'echo a',
    '1e5 a',
    '-1 a',
    '0x1 a',
    '12  a',
    '12 a ',
    '12 é',
    '12345678901234567 a',
  ])('what is none of ours is nothing: %j', (payload) => {
    expect(parsePayload('12 a')).toEqual({ xid: 12, hashes: [10] });
    expect(parsePayload(payload)).toBeUndefined();
  });
});
