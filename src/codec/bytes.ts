/** Bytes: Buffers, typed arrays, DataViews and ArrayBuffers as a type name and base64, and back. */

/** What stands for bytes: the name of their type and their base64. Elements keep the byte order of the machine, which is little-endian on every current one. */
export type StoredBytes = readonly [type: string, base64: string];

type Bytes = ArrayBuffer | ArrayBufferView;

/**
 * How each type is made from exactly its bytes. Float16Array is absent before Node 24. MessagePack stores positions in this list: only
 * add to its end.
 */
const MAKERS: ReadonlyMap<string, (bytes: ArrayBuffer) => Bytes> = new Map<string, (bytes: ArrayBuffer) => Bytes>([
  ['Buffer', (bytes) => Buffer.from(bytes)],
  ['ArrayBuffer', (bytes) => bytes],
  ['DataView', (bytes) => new DataView(bytes)],
  ['Uint8Array', (bytes) => new Uint8Array(bytes)],
  ['Uint8ClampedArray', (bytes) => new Uint8ClampedArray(bytes)],
  ['Int8Array', (bytes) => new Int8Array(bytes)],
  ['Int16Array', (bytes) => new Int16Array(bytes)],
  ['Uint16Array', (bytes) => new Uint16Array(bytes)],
  ['Int32Array', (bytes) => new Int32Array(bytes)],
  ['Uint32Array', (bytes) => new Uint32Array(bytes)],
  ['Float32Array', (bytes) => new Float32Array(bytes)],
  ['Float64Array', (bytes) => new Float64Array(bytes)],
  ['BigInt64Array', (bytes) => new BigInt64Array(bytes)],
  ['BigUint64Array', (bytes) => new BigUint64Array(bytes)],
]);

/** Every type of bytes that can be stored, in the order of {@link MAKERS}. */
export const BYTE_TYPES: readonly string[] = [...MAKERS.keys()];

/** The built-in type of some bytes (`Buffer`, `Float64Array`, ...), whatever subclass they are of; undefined for one that cannot be stored. */
export function bytesType(value: Bytes): string | undefined {
  if (Buffer.isBuffer(value)) return 'Buffer';
  const type = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return MAKERS.has(type) ? type : undefined;
}

/** The bytes themselves, in the memory they are in; of a view only the part it shows. */
export function shownBytes(value: Bytes): Buffer {
  return ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.from(value);
}

/** Bytes of a type in memory of their own. Throws for an unknown type, and for bytes that do not fill its elements. */
export function makeBytes(type: unknown, bytes: Uint8Array): Bytes {
  const make = typeof type === 'string' ? MAKERS.get(type) : undefined;
  if (make === undefined) throw new TypeError('Damaged bytes: unknown type');
  // Copied, because small Buffers share one block of memory: an entry would keep all of it alive, at any alignment.
  const own = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(own).set(bytes);
  return make(own);
}

/** The stored form of bytes. */
export function storeBytes(type: string, value: Bytes): StoredBytes {
  return [type, shownBytes(value).toString('base64')];
}

/** The bytes a stored form stands for. Throws when it is damaged. */
export function restoreBytes(stored: unknown): Bytes {
  if (!Array.isArray(stored)) throw new TypeError('Damaged bytes');
  const [type, base64]: readonly unknown[] = stored;
  if (typeof base64 !== 'string') throw new TypeError('Damaged bytes: no text');
  const decoded = Buffer.from(base64, 'base64');
  // Node skips characters that are not base64; then there are fewer bytes than the text has room for.
  if (Math.ceil(decoded.length / 3) * 4 !== base64.length) throw new TypeError('Damaged bytes: not base64');
  return makeBytes(type, decoded);
}
