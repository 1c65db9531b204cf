/** Hit ratios: the same traces through our local tier, lru-cache alone, and a cache that knows the future. */
import { createCache } from 'keepsake';
import { LRUCache } from 'lru-cache';
import { TRACE_KEYS } from '../fixtures/traces.js';

const ROOM = TRACE_KEYS / 10;

/** Shares of accesses that were hits, by trace and by cache; `best` is Belady's: it drops what is needed latest. */
export async function hitRatios(
  traces: Readonly<Record<string, readonly number[]>>,
): Promise<Readonly<Record<string, Readonly<Record<string, number>>>>> {
  const ratios: Record<string, Record<string, number>> = {};
  for (const [name, trace] of Object.entries(traces)) {
    const counted = { keepsake: await ofKeepsake(trace), 'lru-cache': ofLru(trace), best: ofBelady(trace) };
    ratios[name] = Object.fromEntries(Object.entries(counted).map(([who, hits]) => [who, hits / trace.length]));
  }
  return ratios;
}

async function ofKeepsake(trace: readonly number[]): Promise<number> {
  await using cache = await createCache({ connection: 'null', local: { max: ROOM } });
  let loads = 0;
  for (const key of trace) {
    const load = async (): Promise<number> => {
      loads += 1;
      return key;
    };
    const found = await cache.getOrSet(`key:${key}`, load, { ttl: '1h', tiers: 'local' });
    if (found !== key) throw new Error(`Expected ${key}, got ${found}`);
  }
  return trace.length - loads;
}

function ofLru(trace: readonly number[]): number {
  const lru = new LRUCache<number, number>({ max: ROOM });
  let hits = 0;
  for (const key of trace) {
    if (lru.get(key) === undefined) lru.set(key, key + 1);
    else hits += 1;
  }
  return hits;
}

/** L. A. Belady, "A study of replacement algorithms for a virtual-storage computer", 1966: the bound of what is possible. */
function ofBelady(trace: readonly number[]): number {
  const nextUse = new Array<number>(trace.length);
  const seen = new Map<number, number>();
  for (let at = trace.length - 1; at >= 0; at -= 1) {
    const key = trace[at] ?? 0;
    nextUse[at] = seen.get(key) ?? Infinity;
    seen.set(key, at);
  }
  const held = new Map<number, number>();
  const latest = new LatestFirst();
  let hits = 0;
  for (const [at, key] of trace.entries()) {
    const next = nextUse[at] ?? Infinity;
    if (held.has(key)) hits += 1;
    held.set(key, next);
    latest.push({ key, next });
    while (held.size > ROOM) {
      const dropped = latest.pop();
      // What was used again since stands in the heap with its later use, too.
      if (dropped !== undefined && held.get(dropped.key) === dropped.next) held.delete(dropped.key);
    }
  }
  return hits;
}

interface Use {
  readonly key: number;
  readonly next: number;
}

/** A binary heap; the use that comes latest is on top. */
class LatestFirst {
  readonly #uses: Use[] = [];

  push(use: Use): void {
    let at = this.#uses.push(use) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (this.#next(above) >= use.next) break;
      this.#swap(at, above);
      at = above;
    }
  }

  pop(): Use | undefined {
    const top = this.#uses[0];
    const last = this.#uses.pop();
    if (last === undefined || this.#uses.length === 0) return top;
    this.#uses[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let later = at;
      if (this.#next(left) > this.#next(later)) later = left;
      if (this.#next(right) > this.#next(later)) later = right;
      if (later === at) return top;
      this.#swap(at, later);
      at = later;
    }
  }

  #next(at: number): number {
    return this.#uses[at]?.next ?? Number.NEGATIVE_INFINITY;
  }

  #swap(one: number, other: number): void {
    const [a, b] = [this.#uses[one], this.#uses[other]];
    if (a === undefined || b === undefined) return;
    this.#uses[one] = b;
    this.#uses[other] = a;
  }
}
