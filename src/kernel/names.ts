/**
 * Names: how keys, tags and namespaces become the ids of rows and the names of the invalidation log. The only place
 * where a namespace is joined to a text, and where long texts are cut.
 *
 * `[ns]text` is text of namespace `ns`; a text of the nameless namespace stands as it is, so that rows can be shared with
 * programs that know no namespaces. Unambiguous, because a namespace has no `]` and a bare text that begins with `[` is written `[]text`.
 */
import { createHash } from 'node:crypto';
import { entityText } from './entity.js';
import { refuse } from './expectation.js';
import { above, escapeLike, literalHead } from './like.js';

/** Longest id of an entry in UTF-8 bytes; longer keys keep their head and end in a hash. Well below what a B-tree page takes (2704). */
export const MAX_ID_BYTES = 1024;

/** Longest tag in UTF-8 bytes, cut likewise. */
export const MAX_TAG_BYTES = 512;

/** What a cut text ends in; a given text of that shape is cut too, so that it can never equal another's hash. */
const CUT = /~[0-9a-f]{64}$/;

/** The name under which an invalidation of everything in a table is logged: that of no namespace, as none has a `]`. */
export const EVERYTHING = 'n|]';

/** Longest namespace in UTF-8 bytes: enough to leave most of an id and of a tag to its text. */
export const MAX_NAMESPACE_BYTES = 128;

/**
 * A namespace that names can be built of: `''`, or a text without `]`, NUL and lone surrogates, of at most {@link MAX_NAMESPACE_BYTES}.
 *
 * @throws ConfigurationError `INVALID_OPTION`
 */
export function checkNamespace(input: unknown, subject = ''): string {
  const isNamespace =
    typeof input === 'string' &&
    !/[\]\0]/.test(input) &&
    input.isWellFormed() &&
    Buffer.byteLength(input) <= MAX_NAMESPACE_BYTES;
  if (isNamespace) return input;
  const expected = `a text of at most ${MAX_NAMESPACE_BYTES} bytes without "]", NUL and lone surrogates`;
  throw refuse({ option: 'namespace', expected, got: input, subject, code: 'INVALID_OPTION' });
}

/**
 * `text` as part of `namespace` (`''` is the nameless one), not longer than `maxBytes`. Different texts have different names, those
 * with lone surrogates too: PostgreSQL has no such characters, so they are written as a hash of their UTF-16.
 */
export function qualify(namespace: string, text: string, maxBytes: number): string {
  return bounded(namespace === '' && !text.startsWith('[') ? text : `[${namespace}]${text}`, maxBytes);
}

function bounded(whole: string, maxBytes: number): string {
  // No UTF-16 code unit takes more than three bytes, so short texts need no counting.
  const fits = whole.length * 3 <= maxBytes || Buffer.byteLength(whole) <= maxBytes;
  return fits && !(whole.length >= HASH_BYTES && CUT.test(whole)) && whole.isWellFormed()
    ? whole
    : cut(whole, maxBytes);
}

function cut(whole: string, maxBytes: number): string {
  const hash = hashOf(whole);
  const room = maxBytes - hash.length - 1;
  let head = whole.slice(0, room);
  while (Buffer.byteLength(head) > room) {
    const excess = Buffer.byteLength(head) - room;
    head = head.slice(0, -Math.ceil(excess / 3));
  }
  return `${head.toWellFormed().replaceAll('\uFFFD', '')}~${hash}`;
}

/** The byte before UTF-16 occurs in no UTF-8, so the two kinds of text cannot be made to share a hash. */
function hashOf(whole: string): string {
  const hash = createHash('sha256');
  if (whole.isWellFormed()) hash.update(whole, 'utf8');
  else hash.update(Uint8Array.of(0xff)).update(whole, 'utf16le');
  return hash.digest('hex');
}

/** The id of the entry of `key`: the primary key of its row. */
export function entryId(namespace: string, key: string, maxBytes = MAX_ID_BYTES): string {
  return qualify(namespace, key, maxBytes);
}

const STORED_ENTITY = '[]entity ';

/**
 * A tag as it is stored with an entry. That of an entity is `[]entity ns]["user","42"]`: after `[]` a tag of a user always has another `[`,
 * so none can be taken for it.
 */
export function storedTag(namespace: string, tag: string): string {
  const entity = entityText(tag);
  if (entity === undefined) return qualify(namespace, tag, MAX_TAG_BYTES);
  return bounded(`${STORED_ENTITY}${namespace}]${entity}`, MAX_TAG_BYTES);
}

/**
 * The names that hide every entry of a cache: its namespace's, which `clear` invalidates, and the whole table's, for `clearAll`. A store is built
 * with them (`StoreOptions`).
 *
 * @param namespace the cache's; `''`, the default, is the nameless one
 * @example new MyStore({ scopeNames: scopeNames('reports'), loadDeadline: 600_000 })
 */
export function scopeNames(namespace = ''): readonly string[] {
  return [namespaceName(namespace), EVERYTHING];
}

/** The log's name for the entry with this id. A store of your own meets it in `invalidate`, and looks for it in `fill` and `read`. */
export function keyName(id: string): string {
  return `k|${id}`;
}

/** The log's name for a tag as it is stored; met likewise. */
export function tagName(stored: string): string {
  return `t|${stored}`;
}

/** The log's name for a namespace. */
export function namespaceName(namespace: string): string {
  return `n|${namespace}`;
}

/** Whether a stored tag is that of an entity. */
export function isStoredEntity(stored: string): boolean {
  return stored.startsWith(STORED_ENTITY);
}

/** The text that became `whole` as part of `namespace`; of a text that was cut, what is left of it. */
export function unqualified(namespace: string, whole: string): string {
  return namespace === '' && !whole.startsWith('[') ? whole : whole.slice(namespace.length + 2);
}

/**
 * Where the ids of a namespace's keys that match `like` (kernel/like) are, in the order of the keys. More than one range only in the
 * nameless namespace, between whose keys those of all others stand.
 *
 * @throws ConfigurationError `INVALID_OPTION` when keys that match begin with a text so long that all of them are cut
 */
export function idRanges(
  namespace: string,
  like: string,
  given: { readonly option: string; readonly got: unknown; readonly subject: string },
  maxBytes = MAX_ID_BYTES,
): readonly { readonly from: string; readonly below: string; readonly like: string }[] {
  const head = literalHead(like);
  const room = maxBytes - HASH_BYTES - Buffer.byteLength(`[${namespace}]`);
  if (Buffer.byteLength(head) > room) {
    const expected = `a text whose beginning has at most ${room} bytes: longer keys are stored as a beginning and a hash`;
    throw refuse({ ...given, expected, code: 'INVALID_OPTION' });
  }
  const within = (prefix: string): { from: string; below: string; like: string } => ({
    from: prefix + head,
    below: above(prefix + head),
    like: escapeLike(prefix) + like,
  });
  if (namespace !== '' || head.startsWith('[')) return [within(`[${namespace}]`)];
  if (head !== '') return [within('')];
  return [{ from: '', below: '[', like }, within('[]'), { from: above('['), below: above(''), like }];
}

/** Bytes of what a cut text ends in. */
const HASH_BYTES = 65;
