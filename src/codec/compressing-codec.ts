/**
 * The compressing codec: any other codec, its large bodies deflated.
 *
 * A compressed body is in the format zlib (RFC 1950), said by the end of its encoding: `json+zlib`. Level 1 of it, by measurement: the
 * default level 6 takes two to four times as long for a tenth less; Brotli at the same speed saves 5 % more but has no checksum, so
 * that a damaged body could become another value; Zstandard is missing in Node 20. All of it is synchronous because codecs are, so it
 * blocks the event loop: about 10 ms a megabyte to compress and 4 to decompress, on 2 cores of a shared machine.
 */
import { constants, deflateSync, inflateSync } from 'node:zlib';
import { CodecError } from '../errors.js';
import type { Codec, Encoded } from '../kernel/codec.js';
import { refuse } from '../kernel/expectation.js';

/** What {@link createCompressingCodec} takes. */
export interface CompressionOptions {
  /** Bodies of more bytes are compressed; a non-negative integer. Default: none is, but compressed ones are read. */
  readonly above?: number | undefined;
}

/** The end of an encoding whose bodies are compressed. */
const SUFFIX = '+zlib';

/**
 * Most bytes of a body before compression. A body never becomes more when it is read, so that a hostile row of a few kilobytes cannot
 * exhaust memory; larger ones are not compressed. Fixed, because every process must read what any other wrote.
 */
const MAX_PLAIN_BYTES = 16 * 1024 * 1024;

/**
 * Creates a codec that compresses what another one writes, where that makes it smaller, and reads both compressed and uncompressed
 * rows whatever `above` says. Raw bytes (no encoding) are left alone: programs in other languages read them. A reader without it
 * sees an unknown encoding, so the entry is a miss for it.
 *
 * The option `compressAbove` of a cache does this for the cache's codec; use this one for the codec of a policy.
 *
 * @throws ConfigurationError `INVALID_OPTION`
 * @example
 * const codec = createCompressingCodec(createSuperjsonCodec(), { above: 10_000 });
 */
export function createCompressingCodec(codec: Codec, { above }: CompressionOptions = {}): Codec {
  if (above !== undefined && !(Number.isSafeInteger(above) && above >= 0)) {
    throw refuse({ option: 'above', expected: 'a non-negative number of bytes', got: above, code: 'INVALID_OPTION' });
  }
  if (!(codec instanceof CompressingCodec)) return new CompressingCodec(codec, above);
  return above === undefined ? codec : codec.withThreshold(above);
}

class CompressingCodec implements Codec {
  readonly name: string;
  readonly #codec: Codec;
  readonly #above: number | undefined;

  constructor(codec: Codec, above: number | undefined) {
    // The same name: what one writes the other reads, so use cases with either may share a key.
    this.name = codec.name;
    this.#codec = codec;
    this.#above = above;
  }

  withThreshold(above: number): CompressingCodec {
    return new CompressingCodec(this.#codec, above);
  }

  encode(value: unknown): Encoded {
    const encoded = this.#codec.encode(value);
    const { encoding } = encoded;
    if (encoding === null) return encoded;
    if (encoding.endsWith(SUFFIX)) {
      throw new CodecError(
        'UNENCODABLE_VALUE',
        `Expected the codec \`${this.name}\` to write an encoding that does not end in \`${SUFFIX}\`, got \`${encoding}\``,
      );
    }
    const compressed = this.#compress(encoded.body);
    return compressed === undefined ? encoded : { encoding: encoding + SUFFIX, body: compressed };
  }

  decode(encoded: Encoded): unknown {
    const { encoding, body } = encoded;
    if (encoding === null || !encoding.endsWith(SUFFIX)) return this.#codec.decode(encoded);
    return this.#codec.decode({ encoding: encoding.slice(0, -SUFFIX.length), body: decompress(encoding, body) });
  }

  /** Undefined where the body is better left as it is. */
  #compress(body: string | Uint8Array): Uint8Array | undefined {
    const above = this.#above;
    // UTF-8 has at most three bytes for a unit of UTF-16, and none for half of a pair.
    if (above === undefined || body.length * (typeof body === 'string' ? 3 : 1) <= above) return undefined;
    if (typeof body === 'string' && !body.isWellFormed()) return undefined;
    const plain = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
    if (plain.byteLength <= above || plain.byteLength > MAX_PLAIN_BYTES) return undefined;
    const compressed = deflateSync(plain, { level: constants.Z_BEST_SPEED });
    return compressed.byteLength < plain.byteLength ? compressed : undefined;
  }
}

function decompress(encoding: string, body: string | Uint8Array): Uint8Array {
  try {
    if (typeof body === 'string') throw new TypeError('Text is never compressed');
    return inflateSync(body, { maxOutputLength: MAX_PLAIN_BYTES });
  } catch (cause) {
    throw new CodecError('UNDECODABLE_VALUE', `Expected a body in the encoding \`${encoding}\`, but it is damaged`, {
      cause,
    });
  }
}
