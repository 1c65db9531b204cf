/**
 * Hashes of the log's names: short enough that hundreds fit one notification, quick enough to be made for every copy that is kept.
 * Two names with one hash cost a needless miss and nothing else.
 *
 * Source of the algorithm: FNV-1a by Fowler, Noll and Vo, 32 bits, over UTF-16 code units; twice, from different beginnings.
 */

const PRIME = 0x01000193;
const FIRST_BASIS = 0x811c9dc5;
/** Any other beginning will do; this one is the basis of the 64-bit variant's lower half. */
const SECOND_BASIS = 0x84222325;
/** Twenty bits of the first hash and all of the second are what a double holds exactly. */
const HIGH_BITS = 0xfffff;

/**
 * A whole number below 2^52 for a name.
 *
 * @example nameHash('t|products') === nameHash('t|products') // in every process
 */
export function nameHash(name: string): number {
  let first = FIRST_BASIS;
  let second = SECOND_BASIS;
  for (let at = 0; at < name.length; at += 1) {
    const unit = name.charCodeAt(at);
    first = Math.imul(first ^ unit, PRIME);
    second = Math.imul(second ^ unit, PRIME) ^ (second >>> 15);
  }
  return (first & HIGH_BITS) * 2 ** 32 + (second >>> 0);
}
