/**
 * A chain: things in the order in which they were added, of which any can be taken out at once.
 *
 * Not a `Set`, which does the same: V8 gives a set whose members come and go a new table every few hundred members, the old table refers to the
 * new one, and as soon as one of them has become old, all that follow, with whatever they held, outlive every quick garbage collection. A
 * batcher's calls, with the values they were answered with, then cost more to collect than to make.
 */

/** What can be in a chain; in one at a time. */
export class Link<Self> {
  /** Only the chain changes these. A link that was taken out refers to nobody. */
  previous: Self | undefined;
  next: Self | undefined;
}

export class Chain<Member extends Link<Member>> {
  #first: Member | undefined;
  #last: Member | undefined;
  #size = 0;

  get first(): Member | undefined {
    return this.#first;
  }

  get size(): number {
    return this.#size;
  }

  append(member: Member): void {
    member.previous = this.#last;
    if (this.#last === undefined) this.#first = member;
    else this.#last.next = member;
    this.#last = member;
    this.#size += 1;
  }

  /** Takes out a member of this chain. */
  remove(member: Member): void {
    const { previous, next } = member;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    member.previous = undefined;
    member.next = undefined;
    this.#size -= 1;
  }
}
