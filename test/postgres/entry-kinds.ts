/** Kinds of entries, for tests of what must be the same of all. */
import type { EntryWrite } from '../../src/ports/store.js';
import { write } from './fixture.js';

/** An entry as the default codec makes it. */
export function ordinary(id: string, given: Partial<Omit<EntryWrite, 'id'>> = {}): EntryWrite {
  const { lifetimes } = write(id);
  return {
    id,
    encoded: { encoding: 'json', body: `{"id":"${id}"}` },
    tags: [],
    loadMs: undefined,
    lifetimes,
    ...given,
  };
}

export const lifetimes = (given: Partial<EntryWrite['lifetimes']>): EntryWrite['lifetimes'] => ({
  ...write('').lifetimes,
  ...given,
});
const encoded = (body: string | Uint8Array, encoding: string | null = 'json') => ({ encoding, body });

/** Entries of every kind that is stored, or read, in a way of its own. */
export const KINDS: Readonly<Record<string, Partial<EntryWrite>>> = {
  plain: {},
  'in superjson': {
    encoded: encoded('{"json":{"at":"2026-01-01T00:00:00.000Z"},"meta":{"values":{"at":["Date"]},"v":1}}', 'superjson'),
  },
  'beyond ASCII': { encoded: encoded('{"name":"Zoë 東京 🙂"}') },
  'an empty text': { encoded: encoded('') },
  'what stands between lists': { encoded: encoded('"\u0001"') },
  bytes: { encoded: encoded(Uint8Array.of(0, 1, 255), 'bytes') },
  'in another encoding': { encoded: encoded('text', 'test') },
  large: { encoded: encoded(JSON.stringify('x'.repeat(10_000))) },
  tags: { tags: ['a', 'b"{},\\', '東', 'NULL', ''] },
  sliding: { lifetimes: lifetimes({ sliding: 60_000 }) },
  grace: { lifetimes: lifetimes({ grace: 60_000 }) },
  early: { lifetimes: lifetimes({ early: 60_000 }) },
  'for ever': { lifetimes: lifetimes({ ttl: undefined }) },
};
