/** Digests: what stands in a key for a text that is too long to read. */
import { createHash } from 'node:crypto';

/**
 * SHA-256 of `text` in 43 characters (`A-Z a-z 0-9 - _`). Not cut shorter: keys stay injective up to SHA-256, whoever chooses the values.
 *
 * `text` must be well-formed: lone surrogates all have the same bytes in UTF-8.
 */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
