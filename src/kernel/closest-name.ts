/** The name somebody probably meant. */

/** Names are short; a longer text is no typo of one, and comparing costs the product of the lengths. */
const MAX_LENGTH = 40;

/**
 * The known name closest to a mistyped one, case ignored, or undefined when none is close: an edit for every three characters, at least
 * one, is close. An edit adds, drops or replaces a character, or swaps two neighbours.
 * Source: F. J. Damerau, "A technique for computer detection and correction of spelling errors", 1964 (restricted distance).
 *
 * @example closestName('slidng', ['ttl', 'sliding']) // 'sliding'
 */
export function closestName(mistyped: string, known: readonly string[]): string | undefined {
  if (mistyped.length > MAX_LENGTH) return undefined;
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

/** Row by row of the table of distances between the heads of both texts; a swap looks two rows back. */
function distance(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= to.length; column++) {
      const replaced = at(row - 1, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const swapped = isSwapped ? at(row - 2, column - 2) + 1 : Infinity;
      current.push(Math.min(replaced, swapped, at(row - 1, column) + 1, at(row, column - 1) + 1));
    }
  }
  return at(from.length, to.length);
}
