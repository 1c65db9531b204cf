/**
 * Tags of a row as SQL: the same bytes that a tag template of a cached method writes for the same values (keys/escape.ts,
 * keys/text.ts) and that stand in the log for it (kernel/names.ts).
 *
 * A value's type decides how it is written. Types whose values have several texts, so that a method's argument could be
 * written otherwise than the column, are refused when a table is watched rather than missed when a row changes.
 */
import { MAX_TAG_BYTES, storedTag, tagName } from '../../kernel/names.js';
import { identifier, literal } from './quoting.js';

/** A tag template over columns: `literals[0] columns[0] literals[1] ... literals[n]`. */
export interface ColumnTemplate {
  /** As the user wrote it. */
  readonly source: string;
  readonly literals: readonly string[];
  readonly columns: readonly TemplateColumn[];
}

export interface TemplateColumn {
  readonly column: string;
  /** The tag's text, escaped, when the column is null; undefined: then there is no tag. */
  readonly fallback: string | undefined;
}

/** How values of a type are written; see {@link TAG_TYPES}. */
export type TagType = 'number' | 'uuid' | 'boolean' | 'text' | 'date' | 'instant';

/** Types that may stand in tags, as messages list them. */
export const TAG_TYPES =
  'smallint, integer, bigint, uuid, boolean, text, varchar, enums, date, timestamptz, and numeric without decimals';

/** Quoted names of the functions of migration 0007. */
export interface TagFunctions {
  readonly escape: string;
  readonly storedTag: string;
}

/** What a value may consist of, for types whose texts need no escaping, and how long they get. */
const PLAIN: Readonly<Record<Exclude<TagType, 'text'>, { readonly characters: RegExp; readonly longest: number }>> = {
  number: { characters: /[\d-]/, longest: 20 },
  uuid: { characters: /[\da-f-]/, longest: 36 },
  boolean: { characters: /[truefalse]/, longest: 5 },
  date: { characters: /[\d\-infty]/, longest: 16 },
  instant: { characters: /[\d\-TZ.%Ainfty]/, longest: 40 },
};

/** What is escaped in every value: `%`, `:`, `(` and control characters. */
const RESERVED = String.raw`[%:(\u0001-\u001f\u007f-\u009f]`;

/** The name in the log of a tag without placeholders. */
export function fixedName(namespace: string, tag: string): string {
  return tagName(storedTag(namespace, tag));
}

/**
 * The log's names of one template for a row, as an SQL expression; null where a value is null.
 *
 * @param row the alias of the row
 * @param typeOf how values of a column are written
 */
export function nameExpression(template: ColumnTemplate, { row, namespace, functions, typeOf }: RowNames): string {
  const types = template.columns.map(({ column }) => typeOf(column));
  const parts = template.columns.flatMap(({ column, fallback }, i) => {
    const following = template.literals[i + 1] ?? '';
    const value = valueExpression(`${row}.${identifier(column)}`, types[i] ?? 'text', following, functions);
    return [
      fallback === undefined ? value : `coalesce(${value}, ${literal(fallback)})`,
      ...(following === '' ? [] : [literal(following)]),
    ];
  });
  const [first = ''] = template.literals;
  const whole = prefixed(namespace, first, parts);
  if (isNeverCut(template, types, namespace)) return `${literal('t|')} || ${whole}`;
  return `${literal('t|')} || ${functions.storedTag}(${whole})`;
}

/** What a name of a row is made with. */
export interface RowNames {
  readonly row: string;
  readonly namespace: string;
  readonly functions: TagFunctions;
  readonly typeOf: (column: string) => TagType;
}

/** The text with its namespace, as `qualify` of kernel/names.ts writes it. */
function prefixed(namespace: string, first: string, parts: readonly string[]): string {
  const following = parts.join(' || ');
  if (namespace !== '' || first.startsWith('[')) return `${literal(`[${namespace}]${first}`)} || ${following}`;
  if (first !== '') return `${literal(first)} || ${following}`;
  // Only now may the text begin with a bracket of its own.
  return `case when left(${parts[0] ?? ''}, 1) = '[' then '[]' else '' end || ${following}`;
}

function valueExpression(column: string, type: TagType, following: string, functions: TagFunctions): string {
  const boundary =
    following === '' || following.startsWith(':') ? '' : String.fromCodePoint(following.codePointAt(0) ?? 0);
  const isPlain = type !== 'text' && (boundary === '' || !PLAIN[type].characters.test(boundary));
  if (isPlain) return plainExpression(column, type);
  const text = type === 'text' ? `${column}::text collate "C"` : plainExpression(column, type);
  // Values of instants are escaped already; what is left of a boundary in them is escaped as a whole, from the raw text.
  const raw = type === 'instant' ? instantExpression(column, ':') : text;
  if (boundary !== '') return `${functions.escape}(${raw}, ${literal(boundary)})`;
  return `case when ${raw} ~ ${literal(RESERVED)} then ${functions.escape}(${raw}, '') else ${raw} end`;
}

function plainExpression(column: string, type: Exclude<TagType, 'text'>): string {
  switch (type) {
    case 'date':
      return `case when isfinite(${column}) then to_char(${column}, 'YYYY-MM-DD') else ${column}::text end`;
    case 'instant':
      return instantExpression(column, '%3A');
    default:
      return `${column}::text`;
  }
}

/** As `Date.toISOString` has it: UTC, milliseconds, the rest cut off. */
function instantExpression(column: string, colon: string): string {
  const format = `YYYY-MM-DD"T"HH24"${colon}"MI"${colon}"SS.MS"Z"`;
  const finite = `to_char(${column} at time zone 'UTC', ${literal(format)})`;
  return `case when isfinite(${column}) then ${finite} else ${column}::text end`;
}

/** Whether no value can make the text so long, or of such a shape, that it would be cut and hashed. */
function isNeverCut(template: ColumnTemplate, types: readonly TagType[], namespace: string): boolean {
  if (template.literals.some((text) => text.includes('~'))) return false;
  if (template.columns.some(({ fallback }) => fallback !== undefined)) return false;
  let longest = Buffer.byteLength(`[${namespace}]${template.literals.join('')}`);
  for (const type of types) {
    if (type === 'text') return false;
    longest += PLAIN[type].longest * 3;
  }
  return longest <= MAX_TAG_BYTES;
}
