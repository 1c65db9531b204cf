/** The codecs that keep every type of INVARIANT 23: what is promised of one is promised of all. */
import type { ClassForms } from '../../../src/codec/class-forms.js';
import { createCompressingCodec } from '../../../src/codec/compressing-codec.js';
import { createMessagePackCodec } from '../../../src/codec/message-pack/codec.js';
import { createSuperjsonCodec } from '../../../src/codec/superjson-codec.js';
import type { Codec } from '../../../src/kernel/codec.js';

export interface CodecOptions {
  readonly classes?: ClassForms;
  /** Default: nobody hears, so that runs are quiet. */
  readonly onClass?: (className: string) => void;
}

export interface CodecUnderTest {
  readonly name: string;
  readonly make: (options?: CodecOptions) => Codec;
}

const quiet = (): void => undefined;

export const CODECS: readonly CodecUnderTest[] = [
  { name: 'superjson', make: (options) => createSuperjsonCodec({ onClass: quiet, ...options }) },
  { name: 'msgpack', make: (options) => createMessagePackCodec({ onClass: quiet, ...options }) },
  {
    name: 'superjson, compressed,',
    make: (options) => createCompressingCodec(createSuperjsonCodec({ onClass: quiet, ...options }), { above: 0 }),
  },
  {
    name: 'msgpack, compressed,',
    make: (options) => createCompressingCodec(createMessagePackCodec({ onClass: quiet, ...options }), { above: 0 }),
  },
];

/** Encodes and decodes as a store would give it back: bytes, not text. */
export function roundTripsOf(codec: Codec): (value: unknown) => unknown {
  return (value) => {
    const { encoding, body } = codec.encode(value);
    return codec.decode({ encoding, body: Buffer.from(body) });
  };
}

export function withHoles(length: number, elements: Record<number, unknown>): unknown[] {
  return Object.assign(new Array(length), elements);
}
