/** Notifications: the payloads by which our statements tell other processes what they invalidated or set. */
import { nameHash } from '../kernel/name-hash.js';
import type { Xid } from '../kernel/snapshot.js';

/** PostgreSQL takes payloads of 7999 bytes; the transaction id, which the server adds, needs up to 20 and a space. */
const MAX_HASHES_BYTES = 7_900;

/** A name as payloads have it. */
export function hashTextOf(name: string): string {
  return nameHash(name).toString(36);
}

/** The names of one statement as texts that each fit a payload, behind a transaction id: hashes in base 36, separated by spaces. */
export function hashTexts(names: readonly string[]): readonly string[] {
  const texts: string[] = [];
  let text = '';
  for (const name of names) {
    const hash = hashTextOf(name);
    if (text !== '' && text.length + hash.length >= MAX_HASHES_BYTES) {
      texts.push(text);
      text = '';
    }
    text = text === '' ? hash : `${text} ${hash}`;
  }
  return text === '' ? texts : [...texts, text];
}

/** What a payload says; undefined when it is none of ours: anybody may notify on any channel. */
export function parsePayload(payload: string): { readonly xid: Xid; readonly hashes: readonly number[] } | undefined {
  const [first = '', ...rest] = payload.split(' ');
  if (!/^\d{1,16}$/.test(first) || rest.length === 0) return undefined;
  const hashes = rest.map((text) => Number.parseInt(text, 36));
  return hashes.every(Number.isSafeInteger) ? { xid: Number(first), hashes } : undefined;
}
