/** Quoting: names and texts inside of SQL that is built as text, as definitions of functions and triggers must be. */

/** A quoted identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Quoted and with its schema, so that no search_path decides what is meant. */
export function qualified(schema: string, name: string): string {
  return `${identifier(schema)}.${identifier(name)}`;
}

/** A text as SQL, which means the same whatever `standard_conforming_strings` says: writers choose that, not we. */
export function literal(text: string): string {
  const quoted = text.replaceAll("'", "''");
  if (!/[\\\n\r]/.test(quoted)) return `'${quoted}'`;
  // Lines stay whole: what is built of literals gets indented.
  const escaped = quoted.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `E'${escaped}'`;
}

/** Lines moved to the right; empty ones stay empty. */
export function indent(text: string, by: number): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? line : ' '.repeat(by) + line))
    .join('\n');
}

/** A text between dollar quotes of a tag that does not occur in it. */
export function dollarQuoted(text: string): string {
  let tag = '$keepsake$';
  for (let n = 1; text.includes(tag); n += 1) tag = `$keepsake_${n}$`;
  return `${tag}${text}${tag}`;
}
