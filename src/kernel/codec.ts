/** The codec interface: values to bytes or text and back. It lives in the kernel because policies carry one. */

/** An encoded value. `encoding` names the format (stored with the entry; null = raw bytes of a foreign writer). Text is stored as UTF-8. */
export interface Encoded {
  readonly encoding: string | null;
  readonly body: string | Uint8Array;
}

export interface Codec {
  /** Stable name; part of the definition of a use case. */
  readonly name: string;
  /** Encodes a value. Throws CodecError (`UNENCODABLE_VALUE`) for functions, symbols and cycles it cannot represent. Never changes the value. */
  encode(value: unknown): Encoded;
  /** Decodes. Throws CodecError (`UNDECODABLE_VALUE`) for an unknown encoding or a damaged body; never returns another type than was written. */
  decode(encoded: Encoded): unknown;
}
