/**
 * A statement bound and run: the messages Bind, Execute and Sync of PostgreSQL's protocol (version 3.0, "Message Formats") in one piece.
 *
 * The driver writes each parameter into a buffer that grows, that one into another, and sends three; a batch of 50 sets of 1 KB was copied four times and left five
 * times its size to be collected. Here the size is known before anything is written.
 */
import { type Parameter, Pieces } from './statement.js';

const BIND = 0x42;
const TEXT = 0;
const BINARY = 1;

/** Execute without a limit of rows, and Sync. */
const EXECUTE_AND_SYNC = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4]);

/** Runs a prepared `statement` (an empty text: the one that was parsed last without a name) with these values; every column is asked for as text. */
export function boundMessage(statement: string, values: readonly Parameter[]): Buffer {
  const texts: (string | Uint8Array | Pieces | null)[] = new Array(values.length);
  const lengths: number[] = new Array(values.length);
  // Portal and statement end with a zero; counts and formats take two bytes each, lengths four.
  let size = 4 + 1 + Buffer.byteLength(statement) + 1 + 2 + 2 * values.length + 2 + 4 * values.length + 2 + 2;
  for (let i = 0; i < values.length; i += 1) {
    const given = values[i] ?? null;
    const value = typeof given === 'number' ? String(given) : given;
    const length = lengthOf(value);
    texts[i] = value;
    lengths[i] = length;
    size += Math.max(0, length);
  }
  const message = Buffer.allocUnsafe(1 + size + EXECUTE_AND_SYNC.length);
  message[0] = BIND;
  let at = message.writeInt32BE(size, 1);
  message[at] = 0;
  at += 1;
  at += message.write(statement, at);
  message[at] = 0;
  at = message.writeInt16BE(values.length, at + 1);
  for (const value of texts) at = message.writeInt16BE(value === null || typeof value === 'string' ? TEXT : BINARY, at);
  at = message.writeInt16BE(values.length, at);
  for (let i = 0; i < values.length; i += 1) {
    at = message.writeInt32BE(lengths[i] ?? -1, at);
    at = write(message, texts[i] ?? null, at);
  }
  // One format for all columns.
  at = message.writeInt16BE(TEXT, message.writeInt16BE(1, at));
  message.set(EXECUTE_AND_SYNC, at);
  return message;
}

/** Bytes of a value; -1 for null. */
function lengthOf(value: string | Uint8Array | Pieces | null): number {
  if (value === null) return -1;
  if (typeof value === 'string') return Buffer.byteLength(value);
  return value.length;
}

/** Where the next value begins. */
function write(message: Buffer, value: string | Uint8Array | Pieces | null, at: number): number {
  if (value === null) return at;
  if (typeof value === 'string') return at + message.write(value, at);
  if (value instanceof Pieces) return value.writeTo(message, at);
  message.set(value, at);
  return at + value.length;
}
