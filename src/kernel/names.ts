/**
 * Names: how keys, tags and namespaces become the ids of rows and the names of the invalidation log. The only place
 * where a namespace is joined to a text, and where long texts are cut.
 *
 * `[ns]text` is text of namespace `ns`; a text of the nameless namespace stands as it is, so that rows can be shared with
 * programs that know no namespaces. Unambiguous, because a namespace has no `]` and a bare text that begins with `[` is written `[]text`.
 */
import { createHash } from 'node:crypto';

/** Longest id of an entry in UTF-8 bytes; longer keys keep their head and end in a hash. Well below what a B-tree page takes (2704). */
export const MAX_ID_BYTES = 1024;

/** Longest tag in UTF-8 bytes, cut likewise. */
export const MAX_TAG_BYTES = 512;

/** What a cut text ends in; a given text of that shape is cut too, so that it can never equal another's hash. */
const CUT = /~[0-9a-f]{64}$/;

/** The name under which an invalidation of everything in a table is logged. */
export const EVERYTHING = 'n|*';

/** `text` as part of `namespace` (`''` is the nameless one), not longer than `maxBytes`. */
export function qualify(namespace: string, text: string, maxBytes: number): string {
  const whole = namespace === '' && !text.startsWith('[') ? text : `[${namespace}]${text}`;
  // No UTF-16 code unit takes more than three bytes, so short texts need no counting.
  const fits = whole.length * 3 <= maxBytes || Buffer.byteLength(whole) <= maxBytes;
  return fits && !CUT.test(whole) ? whole : cut(whole, maxBytes);
}

function cut(whole: string, maxBytes: number): string {
  const hash = createHash('sha256').update(whole).digest('hex');
  const room = maxBytes - hash.length - 1;
  let head = whole.slice(0, room);
  while (Buffer.byteLength(head) > room) head = head.slice(0, -Math.max(1, Math.ceil((Buffer.byteLength(head) - room) / 3)));
  return `${head.toWellFormed().replaceAll('\uFFFD', '')}~${hash}`;
}

/** The id of the entry of `key`: the primary key of its row. */
export function entryId(namespace: string, key: string): string {
  return qualify(namespace, key, MAX_ID_BYTES);
}

/** A tag as it is stored with an entry. */
export function storedTag(namespace: string, tag: string): string {
  return qualify(namespace, tag, MAX_TAG_BYTES);
}

/** The log's name for the entry with this id. */
export function keyName(id: string): string {
  return `k|${id}`;
}

/** The log's name for a tag as it is stored. */
export function tagName(stored: string): string {
  return `t|${stored}`;
}

/** The log's name for a namespace. */
export function namespaceName(namespace: string): string {
  return `n|${namespace}`;
}
