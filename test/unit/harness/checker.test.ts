/** The harness's checker against histories by hand: each that violates an invariant is reported, and its twin that does not is not. */
import { describe, expect, it } from 'vitest';
import { Checker, type Obligation, type Read } from '../../../harness/check/checker.js';

const LEASE = 5_000;

/** A history over key 7; instants in milliseconds. Worker 0 writes, worker 1 reads, unless told otherwise. */
class History {
  readonly checker = new Checker({ localLease: LEASE, workers: 2 });

  invalidated(version: number, at: number, more: Partial<Obligation> = {}): this {
    this.checker.oblige({ key: 7, version, at, worker: 0, heard: 'notified', ...more });
    return this;
  }

  read(version: number, started: number, more: Partial<Read> = {}): this {
    this.checker.read({ key: 7, method: 'cached', version, started, worker: 1, ...more });
    return this;
  }

  audited(version: number, started: number, method = 'cached'): this {
    this.checker.audit({ key: 7, method, version, started });
    return this;
  }

  /** Both processes have told everything until `at`. */
  told(at: number): this {
    for (const worker of [0, 1]) this.checker.advance(worker, at);
    return this;
  }

  get broken(): readonly string[] {
    this.checker.finish();
    return [...this.checker.counts.keys()];
  }
}

describe('INVARIANT 7: what was stored is not replaced by something older', () => {
  const stored = { stored: 'cached' };

  it('is violated by an older answer of the shared tier, and of the process that stored', () => {
    expect(new History().invalidated(4, 1_000, stored).audited(2, 1_001).broken).toEqual(['7']);
    expect(new History().invalidated(4, 1_000, stored).read(2, 1_001, { worker: 0 }).broken).toEqual(['5']);
  });

  it('says nothing about other methods of the key, until they are invalidated as well', () => {
    const history = new History().invalidated(4, 1_000, stored);
    expect(history.audited(2, 1_001, 'early').read(2, 1_001, { worker: 0, method: 'early' }).broken).toEqual([]);
    expect(new History().invalidated(4, 1_000).audited(2, 1_001, 'early').broken).toEqual(['1']);
  });

  it('is remembered beside a stronger invalidation of the same process', () => {
    const history = new History().invalidated(4, 0).invalidated(6, 1, stored).told(600_000);
    expect(history.audited(2, 600_001, 'early').audited(4, 600_002).broken).toEqual(['1', '7']);
  });
});

describe('INVARIANT 3: no read that starts more than localLease after an invalidation returns an older value', () => {
  it('is violated by one millisecond', () => {
    expect(new History().invalidated(4, 1_000).read(2, 1_000 + LEASE + 1).broken).toEqual(['3']);
  });

  it('is kept within the lease, however long the read then takes', () => {
    expect(new History().invalidated(4, 1_000).read(2, 1_000 + LEASE).broken).toEqual([]);
  });

  it('is kept by what is not older: the version itself, and one that nobody has invalidated for yet', () => {
    expect(new History().invalidated(4, 0).read(4, 60_000).read(6, 60_000).broken).toEqual([]);
  });

  it('counts from the first of several newer versions, in whatever order they are told', () => {
    const history = new History()
      .read(2, LEASE + 10)
      .invalidated(8, LEASE)
      .invalidated(4, 5);
    expect(history.broken).toEqual(['3']);
  });

  it('holds for an invalidation that is told after the read was', () => {
    const history = new History().read(2, LEASE + 10);
    history.checker.advance(1, LEASE + 20); // process 0 may still tell something older
    expect(history.checker.violated).toBe(0);
    expect(history.invalidated(4, 1).broken).toEqual(['3']);
  });

  it('concerns the key that was invalidated and no other', () => {
    expect(new History().invalidated(4, 0, { key: 8 }).read(2, 60_000).broken).toEqual([]);
  });
});

describe('INVARIANT 5: nothing older in the process that invalidated, from the moment that resolved', () => {
  it('is violated within the lease, by that process only', () => {
    expect(new History().invalidated(4, 1_000).read(2, 1_001, { worker: 0 }).broken).toEqual(['5']);
    expect(new History().invalidated(4, 1_000).read(2, 1_001, { worker: 1 }).broken).toEqual([]);
  });

  it('is kept by a call that was made before', () => {
    expect(new History().invalidated(4, 1_000).read(2, 999, { worker: 0 }).broken).toEqual([]);
  });

  it('holds for what the store was not told of yet, which obliges nobody else', () => {
    const owed = (): History => new History().invalidated(4, 1_000, { scope: 'own' });
    expect(owed().read(2, 60_000, { worker: 1 }).audited(2, 60_000).broken).toEqual([]);
    expect(owed().read(2, 1_001, { worker: 0 }).broken).toEqual(['5']);
  });
});

describe('INVARIANT 1: the shared tier answers nothing that was invalidated', () => {
  it('is violated without any delay', () => {
    expect(new History().invalidated(4, 1_000).audited(2, 1_000.5).broken).toEqual(['1']);
  });

  it('is kept by a question that was asked before, and by what is not older', () => {
    expect(new History().invalidated(4, 1_000).audited(2, 999).audited(4, 2_000).broken).toEqual([]);
  });
});

describe('INVARIANT 6: what was rolled back is never answered', () => {
  it('is violated by an odd version, from a method or from the shared tier', () => {
    expect(new History().read(3, 1).broken).toEqual(['6']);
    expect(new History().audited(3, 1).broken).toEqual(['6']);
  });
});

describe('the checker', () => {
  it('judges everything once', () => {
    const { checker } = new History().read(2, 10).audited(2, 20).told(15).told(30).told(45);
    checker.finish();
    expect(checker.judged).toBe(2);
  });

  it('waits for a process that is stopped, and for none that was killed', () => {
    const { checker } = new History().invalidated(4, 0).read(2, 9_000);
    checker.advance(1, 10_000);
    expect(checker.judged).toBe(0);
    checker.leave(0);
    checker.advance(1, 10_001);
    expect(checker.judged).toBe(1);
    expect([...checker.counts]).toEqual([['3', 1]]);
  });

  it('measures how long another process still read what was invalidated: from the invalidation to its last read of it', () => {
    const history = new History().invalidated(4, 1_000).invalidated(6, 2_000, { heard: 'by heartbeat' });
    history.read(2, 1_010).read(2, 1_030).read(4, 1_040).read(4, 2_200).read(6, 2_300);
    history.read(4, 1_020, { worker: 0 }).read(6, 2_001, { worker: 0 }); // one's own are no measure
    expect(history.broken).toEqual([]);
    const { notified, 'by heartbeat': byHeartbeat } = history.checker.staleness;
    expect([notified.total, notified.max]).toEqual([1, 30]);
    expect([byHeartbeat.total, byHeartbeat.max]).toEqual([1, 200]);
  });

  it('holds a bounded history, and still finds what is older than it', () => {
    const history = new History();
    for (let round = 1; round <= 4_000; round += 1) {
      const at = round * 100;
      history
        .invalidated(2 * round, at)
        .read(2 * round, at + 1)
        .audited(2 * round, at + 1)
        .told(at + 2);
    }
    // What may still be judged: the lease and a minute, at ten a second.
    expect(history.checker.held).toBeLessThan(1_000);
    expect(history.checker.violated).toBe(0);
    expect(history.read(2, 4_000 * 100).broken).toEqual(['3']);
  });
});
