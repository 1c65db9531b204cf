/**
 * The name ledger: what this process knows to have been invalidated, in the order it learned it. It answers one question without
 * any query: was one of these names invalidated, by a transaction that this snapshot could not see, since this moment?
 *
 * Local copies hold the cells of their tags, so invalidating a tag is one cell's update however many copies carry it. Cells that
 * no copy holds matter only to operations already under way (whatever begins later is validated by the store, which has the whole
 * log); they are dropped as soon as nothing is under way, and at a bound before that.
 */
import { nameHash } from '../kernel/name-hash.js';
import { isVisible, type Snapshot, type Xid } from '../kernel/snapshot.js';

/** How many transactions a cell remembers exactly; beyond it everything older counts as invalidated (harmless: a miss). */
const EXACT = 4;

/** How many cells without holders one generation takes; two are kept while operations are under way. */
const GENERATION = 5_000;

interface Invalidation {
  readonly xid: Xid;
  readonly at: number;
}

/** Of most cells, which are many: one list for all of them. */
const NONE: readonly Invalidation[] = [];

/** One name's invalidations, as far as they are known here. Names are known by their hash, which is how other processes tell of them. */
export class NameCell {
  readonly hash: number;
  /** The name itself, where a holder wants to say it: one text for all copies with a tag. */
  name: string | undefined = undefined;
  holders = 0;
  /** The ledger's count at the latest invalidation; 0 = never. */
  latest = 0;
  /** Invalidations learned up to this count are no longer remembered one by one. */
  forgotten = 0;
  recent: readonly Invalidation[] = NONE;

  constructor(hash: number) {
    this.hash = hash;
  }
}

/** What a value's validity is proven by: it was valid for `snapshot`, and `xid` (if any) is the write that made it. */
export interface Proof {
  readonly snapshot: Snapshot;
  readonly xid: Xid | undefined;
}

export class NameLedger {
  readonly #held = new Map<number, NameCell>();
  /** Cells nobody holds, the younger half and the older. */
  #loose = new Map<number, NameCell>();
  #older = new Map<number, NameCell>();
  #count = 0;
  #underWay = 0;
  /** Operations that began at or before this count cannot be judged any more and are refused. */
  #horizon = -1;
  /** Copies checked at or before this count may have missed something. */
  #gap = -1;

  /** How many invalidations were learned so far: a moment in this process's order of events. */
  get now(): number {
    return this.#count;
  }

  /** Marks the beginning of an operation whose result may be kept or shared; pair with `end`. */
  begin(): number {
    this.#underWay += 1;
    return this.#count;
  }

  end(): void {
    this.#underWay -= 1;
    if (this.#underWay > 0) return;
    this.#loose.clear();
    this.#older.clear();
  }

  /** The cell of a name, kept until `release` is called as often. */
  hold(name: string): NameCell {
    const hash = nameHash(name);
    let cell = this.#held.get(hash);
    if (cell === undefined) {
      cell = this.#looseCell(hash) ?? new NameCell(hash);
      this.#loose.delete(hash);
      this.#older.delete(hash);
      this.#held.set(hash, cell);
    }
    cell.holders += 1;
    return cell;
  }

  /** The same, of a cell that says its name. */
  holdNamed(name: string): NameCell {
    const cell = this.hold(name);
    cell.name ??= name;
    return cell;
  }

  release(cell: NameCell): void {
    cell.holders -= 1;
    if (cell.holders > 0) return;
    this.#held.delete(cell.hash);
    if (this.#underWay > 0 && cell.latest > 0) this.#keepLoose(cell);
  }

  /** Learns that transaction `xid` invalidated `names`. Undefined: by whom is unknown, so nothing already begun can have seen it. */
  learn(names: readonly string[], xid: Xid | undefined): void {
    if (this.#underWay === 0 && this.#held.size === 0) return; // as learnHashes would, name by name
    this.learnHashes(names.map(nameHash), xid);
  }

  /** The same, as other processes tell of it. */
  learnHashes(hashes: readonly number[], xid: Xid | undefined): void {
    const at = this.#count + 1;
    for (const hash of hashes) {
      const held = this.#held.get(hash);
      if (held === undefined && this.#underWay === 0) continue;
      // What nobody holds or waits for is no event here: else each message would have every copy checked again.
      this.#count = at;
      const cell = held ?? this.#looseCell(hash) ?? new NameCell(hash);
      note(cell, at, xid);
      if (held === undefined) this.#keepLoose(cell);
    }
  }

  /** Hides everything held or begun so far: what was missed is unknown. */
  forgetEverything(): void {
    this.#horizon = this.#count;
    this.#gap = this.#count;
    this.#count += 1;
  }

  /** Whether something may have been missed since moment `since`. */
  missedSince(since: number): boolean {
    return since <= this.#gap;
  }

  /** Whether one of `names` was invalidated after moment `since` and, if a proof is given, by a transaction it could not see. */
  hides(names: readonly string[], since: number, proof?: Proof): boolean {
    if (since <= this.#horizon) return true;
    if (since === this.#count) return false;
    return names.some((name) => {
      const cell = this.#cell(name);
      return cell !== undefined && cellHides(cell, since, proof);
    });
  }

  /** Whether one of `names` was invalidated after moment `since` and not after moment `until`. */
  invalidatedBetween(names: readonly string[], since: number, until: number): boolean {
    if (since >= until) return false;
    if (since <= this.#horizon) return true;
    return names.some((name) => {
      const cell = this.#cell(name);
      if (cell === undefined || cell.latest <= since) return false;
      return cell.forgotten > since || cell.recent.some(({ at }) => at > since && at <= until);
    });
  }

  /** The same for cells that are held, which forget nothing: the check of a local hit. */
  cellsHide(cells: readonly NameCell[], since: number, proof: Proof | undefined): boolean {
    for (const cell of cells) if (cell.latest > since && cellHides(cell, since, proof)) return true;
    return false;
  }

  /** How many names are remembered; for statistics and the test of bounded memory. */
  get size(): number {
    return this.#held.size + this.#loose.size + this.#older.size;
  }

  #cell(name: string): NameCell | undefined {
    const hash = nameHash(name);
    return this.#held.get(hash) ?? this.#looseCell(hash);
  }

  #looseCell(hash: number): NameCell | undefined {
    return this.#loose.get(hash) ?? this.#older.get(hash);
  }

  /** Keeps a cell without holders; when a generation is full, the one before it is forgotten, and with it whatever began before. */
  #keepLoose(cell: NameCell): void {
    this.#older.delete(cell.hash);
    this.#loose.set(cell.hash, cell);
    if (this.#loose.size < GENERATION) return;
    for (const { latest } of this.#older.values()) this.#horizon = Math.max(this.#horizon, latest - 1);
    this.#older = this.#loose;
    this.#loose = new Map();
  }
}

function note(cell: NameCell, at: number, xid: Xid | undefined): void {
  cell.latest = at;
  if (xid === undefined) {
    cell.forgotten = at;
    cell.recent = NONE;
    return;
  }
  if (cell.recent.some((known) => known.xid === xid)) return; // heard twice: nothing new
  cell.recent = [...cell.recent, { xid, at }];
  if (cell.recent.length > EXACT) {
    cell.forgotten = cell.recent[0]?.at ?? at;
    cell.recent = cell.recent.slice(1);
  }
}

function cellHides(cell: NameCell, since: number, proof: Proof | undefined): boolean {
  if (cell.latest <= since) return false;
  if (cell.forgotten > since) return true;
  if (proof === undefined) return cell.recent.some(({ at }) => at > since);
  // Not only those learned since: what was told too early, as of a transaction that turned out to be prepared, is told again.
  return cell.recent.some(({ xid }) => xid !== proof.xid && !isVisible(xid, proof.snapshot));
}
