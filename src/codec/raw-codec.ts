/** The raw codec: bytes as they are, for tables shared with programs in other languages. */
import { CodecError } from '../errors.js';
import type { Codec, Encoded } from '../kernel/codec.js';

/**
 * Creates the codec that writes a Buffer or Uint8Array untouched, with no encoding (`null`), and reads any such row as a Buffer.
 *
 * Throws CodecError: `UNENCODABLE_VALUE` for anything else, text included (it would come back as a Buffer: write `Buffer.from(text)`);
 * `UNDECODABLE_VALUE` for rows with an encoding.
 *
 * @example
 * const codec = createRawCodec();
 * codec.decode(codec.encode(Buffer.from('hello'))) // <Buffer 68 65 6c 6c 6f>
 */
export function createRawCodec(): Codec {
  return new RawCodec();
}

class RawCodec implements Codec {
  readonly name = 'raw';

  encode(value: unknown): Encoded {
    if (!(value instanceof Uint8Array)) {
      throw new CodecError(
        'UNENCODABLE_VALUE',
        `Expected a Buffer or Uint8Array for the codec \`raw\`, got ${kindOf(value)}`,
      );
    }
    // A copy: the caller may go on using its bytes before they are written.
    return { encoding: null, body: Buffer.from(value) };
  }

  decode({ encoding, body }: Encoded): unknown {
    if (encoding !== null) {
      throw new CodecError(
        'UNDECODABLE_VALUE',
        `Expected raw bytes for the codec \`raw\`, got the encoding \`${encoding}\``,
      );
    }
    // A copy again: a store may keep what it hands out.
    return typeof body === 'string' ? Buffer.from(body, 'utf8') : Buffer.from(body);
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return 'a string (give `Buffer.from(text)`)';
  return typeof value === 'object' ? Object.prototype.toString.call(value) : typeof value;
}
