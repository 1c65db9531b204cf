/** Notifications: the payloads by which our statements tell other processes what they invalidated or set. */
import { nameHash } from '../kernel/name-hash.js';
import type { Xid } from '../kernel/snapshot.js';

/** PostgreSQL takes payloads of 7999 bytes; the transaction id, which the server adds, needs up to 20 and a space. */
const MAX_HASHES_BYTES = 7_900;

/** A transaction id that is exact here. */
const XID = /^\d{1,16}$/;

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
  const first = payload.indexOf(' ');
  const xid = payload.slice(0, Math.max(first, 0));
  if (!XID.test(xid)) return undefined;
  const hashes: number[] = [];
  for (let at = first; at !== -1; ) {
    const next = payload.indexOf(' ', at + 1);
    const hash = Number.parseInt(next === -1 ? payload.slice(at + 1) : payload.slice(at + 1, next), 36);
    if (!Number.isSafeInteger(hash)) return undefined;
    hashes.push(hash);
    at = next;
  }
  return { xid: Number(xid), hashes };
}
