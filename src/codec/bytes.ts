/** Bytes: Buffers, typed arrays, DataViews and ArrayBuffers as a type name and base64, and back. */

/** What stands for bytes: the name of their type and their base64. Elements keep the byte order of the machine, which is little-endian on every current one. */
export type StoredBytes = readonly [type: string, base64: string];

type Bytes = ArrayBuffer | ArrayBufferView;

/** How each type is made from exactly its bytes. Float16Array is absent before Node 24. */
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

/** The built-in type of some bytes (`Buffer`, `Float64Array`, ...), whatever subclass they are of; undefined for one that cannot be stored. */
export function bytesType(value: Bytes): string | undefined {
  if (Buffer.isBuffer(value)) return 'Buffer';
  const type = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return MAKERS.has(type) ? type : undefined;
}

/** The stored form of bytes; of a view only the part it shows. */
export function storeBytes(type: string, value: Bytes): StoredBytes {
  const bytes = ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value);
  return [type, bytes.toString('base64')];
}

/** The bytes a stored form stands for, in memory of their own. Throws when it is damaged. */
export function restoreBytes(stored: unknown): Bytes {
  if (!Array.isArray(stored)) throw new TypeError('Damaged bytes');
  const [type, base64]: readonly unknown[] = stored;
  const make = typeof type === 'string' ? MAKERS.get(type) : undefined;
  if (make === undefined || typeof base64 !== 'string') throw new TypeError('Damaged bytes: unknown type');
  const decoded = Buffer.from(base64, 'base64');
  // Node skips characters that are not base64; then there are fewer bytes than the text has room for.
  if (Math.ceil(decoded.length / 3) * 4 !== base64.length) throw new TypeError('Damaged bytes: not base64');
  // Copied, because small Buffers share one block of memory: an entry would keep all of it alive, at any alignment.
  const own = new ArrayBuffer(decoded.length);
  decoded.copy(new Uint8Array(own));
  return make(own);
}
