/** The name somebody probably meant. */

/**
 * The known name closest to a mistyped one, or undefined when none is close: at most one edit for every three characters, case ignored.
 * Source of the distance: V. I. Levenshtein, "Binary codes capable of correcting deletions, insertions and reversals", 1966.
 *
 * @example closestName('slidng', ['ttl', 'sliding']) // 'sliding'
 */
export function closestName(mistyped: string, known: readonly string[]): string | undefined {
  // Names are short; a long text is no typo of one, and the distance costs the product of the lengths.
  if (mistyped.length > 40) return undefined;
  let best: string | undefined;
  let least = Math.max(1, Math.floor(mistyped.length / 3)) + 1;
  for (const name of known) {
    const edits = distance(mistyped.toLowerCase(), name.toLowerCase());
    if (edits < least) {
      least = edits;
      best = name;
    }
  }
  return best;
}

function distance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    above = current;
  }
  return above[to.length] ?? 0;
}
