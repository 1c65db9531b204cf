import { describe, expect, it } from 'vitest';
import { NameLedger } from '../../../src/engine/name-ledger.js';

const seenUpTo = (xid: number): { snapshot: string; xid: undefined } => ({
  snapshot: `${xid + 1}:${xid + 1}:`,
  xid: undefined,
});

describe('the name ledger', () => {
  it('hides what began before an invalidation, and nothing that began after', () => {
    const ledger = new NameLedger();
    const before = ledger.begin();
    ledger.learn(['t|a'], 10);
    const after = ledger.begin();
    expect(ledger.hides(['t|a'], before)).toBe(true);
    expect(ledger.hides(['t|b'], before)).toBe(false);
    expect(ledger.hides(['t|a'], after)).toBe(false);
  });

  it('lets a proof speak: a transaction its snapshot saw, or its own write, hides nothing', () => {
    const ledger = new NameLedger();
    const since = ledger.begin();
    ledger.learn(['t|a'], 10);
    expect(ledger.hides(['t|a'], since, seenUpTo(10))).toBe(false);
    expect(ledger.hides(['t|a'], since, seenUpTo(9))).toBe(true);
    expect(ledger.hides(['t|a'], since, { snapshot: '5:20:10', xid: undefined })).toBe(true);
    expect(ledger.hides(['t|a'], since, { snapshot: '5:20:10', xid: 10 })).toBe(false);
  });

  it('INVARIANT 9: hearing of a transaction twice changes nothing', () => {
    const ledger = new NameLedger();
    const cell = ledger.hold('t|a');
    ledger.learn(['t|a'], 10);
    const since = ledger.now;
    ledger.learn(['t|a'], 10);
    expect(ledger.cellsHide([cell], since, undefined)).toBe(false);
  });

  it('an invalidation by nobody knows whom hides everything begun before', () => {
    const ledger = new NameLedger();
    const since = ledger.begin();
    ledger.learn(['t|a'], undefined);
    expect(ledger.hides(['t|a'], since, seenUpTo(1_000_000))).toBe(true);
  });

  it('errs towards hiding when more transactions came than it remembers one by one', () => {
    const ledger = new NameLedger();
    const since = ledger.begin();
    for (let xid = 10; xid < 30; xid += 1) ledger.learn(['t|a'], xid);
    expect(ledger.hides(['t|a'], since, seenUpTo(100))).toBe(true);
    expect(ledger.hides(['t|a'], ledger.now, seenUpTo(1))).toBe(false);
  });

  it('says whether a name was invalidated between two moments', () => {
    const ledger = new NameLedger();
    const flight = ledger.begin();
    const early = ledger.begin();
    ledger.learn(['t|a'], 10);
    const late = ledger.begin();
    expect(ledger.invalidatedBetween(['t|a'], flight, early)).toBe(false);
    expect(ledger.invalidatedBetween(['t|a'], flight, late)).toBe(true);
    expect(ledger.invalidatedBetween(['t|b'], flight, late)).toBe(false);
  });

  it('INVARIANT 29: a million names leave nothing behind; those it cannot keep hide whatever was under way', () => {
    const ledger = new NameLedger();
    for (let index = 0; index < 1_000; index += 1) ledger.learn([`t|idle${index}`], index);
    expect(ledger.size).toBe(0);
    const since = ledger.begin();
    for (let index = 0; index < 1_000_000; index += 1) ledger.learn([`t|${index}`], index);
    expect(ledger.size).toBeLessThanOrEqual(10_000);
    expect(ledger.hides(['t|0'], since)).toBe(true);
    expect(ledger.hides(['t|anything'], since)).toBe(true);
    expect(ledger.hides(['t|0'], ledger.now)).toBe(false);
    ledger.end();
    expect(ledger.size).toBe(0);
  });

  it('keeps a held name as long as somebody holds it', () => {
    const ledger = new NameLedger();
    const [one, two] = [ledger.hold('t|a'), ledger.hold('t|a')];
    expect(one).toBe(two);
    ledger.release(one);
    ledger.learn(['t|a'], 5);
    expect(ledger.cellsHide([two], 0, undefined)).toBe(true);
    ledger.release(two);
    expect(ledger.size).toBe(0);
  });
});
