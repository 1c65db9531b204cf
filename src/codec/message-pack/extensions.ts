/**
 * Extensions of MessagePack: the types of JavaScript that it does not know, by number.
 *
 * Maps, sets, expressions and tagged parts hold MessagePack again, so that extensions nest. The numbers are stored: never change one.
 */
import type { ExtData, ExtensionCodecType } from '@msgpack/msgpack';
import { BYTE_TYPES, makeBytes, shownBytes } from '../bytes.js';
import { MAX_STORED_DEPTH } from '../plain-json.js';
import { type Restorer, type Tag, Tagged } from '../tagged.js';
import type { MessagePack } from './peer.js';

const TIMESTAMP = -1;
const UNDEFINED = 0;
const NEGATIVE_ZERO = 1;
const BIGINT = 2;
const TEXT = 3;
const ADDRESS = 4;
const BYTES = 5;
const MAP = 16;
const SET = 17;
const EXPRESSION = 18;

/** Tagged parts, but for bytes: their content, whatever it is, as MessagePack. */
const TAGS: ReadonlyMap<unknown, number> = new Map<Exclude<Tag, 'bytes'>, number>([
  ['object', 19],
  ['array', 20],
  ['date', 21],
  ['error', 22],
  ['class', 23],
]);

const TAG_OF: ReadonlyMap<number, unknown> = new Map([...TAGS].map(([tag, type]) => [type, tag]));

/** Whether the data of an extension is MessagePack again. */
export function nests(type: number): boolean {
  return type >= MAP;
}

/** An extension that is ready: what stands for a leaf, or for bytes. */
class Packed {
  readonly type: number;
  readonly data: Uint8Array;

  constructor(type: number, data: Uint8Array) {
    this.type = type;
    this.data = data;
  }
}

const BYTE_ORDER_MARK = 0xfeff;

const NOTHING = new Uint8Array(0);
const PACKED_UNDEFINED = new Packed(UNDEFINED, NOTHING);
const PACKED_NEGATIVE_ZERO = new Packed(NEGATIVE_ZERO, NOTHING);

/** What stands for a leaf: itself, or an extension where MessagePack or the package would change it. */
export function packLeaf(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
      return isCarried(value) ? value : new Packed(TEXT, Buffer.from(value, 'utf16le'));
    case 'number':
      return Object.is(value, -0) ? PACKED_NEGATIVE_ZERO : value;
    case 'undefined':
      return PACKED_UNDEFINED;
    case 'bigint':
      return new Packed(BIGINT, bigintBytes(value));
    default:
      return value;
  }
}

/** Whether a text survives: UTF-8 has no halves of pairs, and the package drops a byte order mark before a long text. */
export function isCarried(text: string): boolean {
  return text.charCodeAt(0) !== BYTE_ORDER_MARK && text.isWellFormed();
}

/** What stands for bytes: their type, then themselves. */
export function packBytes(type: string, value: ArrayBuffer | ArrayBufferView): unknown {
  return new Packed(BYTES, Buffer.concat([Uint8Array.of(BYTE_TYPES.indexOf(type)), shownBytes(value)]));
}

/** What the package asks about everything it does not know, for one value. */
export class Extensions implements ExtensionCodecType<undefined> {
  readonly #peer: MessagePack;
  readonly #restorer: Restorer;

  constructor(peer: MessagePack, restorer: Restorer) {
    this.#peer = peer;
    this.#restorer = restorer;
  }

  /** The bytes of a tree that `storable` made. */
  pack(tree: unknown): Uint8Array {
    // A new one each time: it would keep a buffer as large as the largest value for ever.
    return new this.#peer.Encoder({ extensionCodec: this, maxDepth: MAX_STORED_DEPTH }).encode(tree);
  }

  /** The value of bytes whose skeleton was checked. */
  unpack(bytes: Uint8Array): unknown {
    return new this.#peer.Decoder({ extensionCodec: this }).decode(bytes);
  }

  tryToEncode(part: unknown): ExtData | null {
    if (part instanceof Packed) return new this.#peer.ExtData(part.type, part.data);
    if (part instanceof Tagged) return this.#tagged(part);
    // Most parts: arrays and plain objects.
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return null;
    if (part instanceof Date) return this.#raw(TIMESTAMP, this.#peer.encodeTimestampExtension(part) ?? NOTHING);
    if (part instanceof Map) return this.#nested(MAP, [...part].flat(1));
    if (part instanceof Set) return this.#nested(SET, [...part]);
    if (part instanceof RegExp) return this.#nested(EXPRESSION, [packLeaf(part.source), part.flags]);
    if (part instanceof URL) return this.#raw(ADDRESS, Buffer.from(part.href, 'utf8'));
    return null;
  }

  decode(data: Uint8Array, type: number): unknown {
    switch (type) {
      case TIMESTAMP:
        return this.#peer.decodeTimestampExtension(data);
      case UNDEFINED:
        return undefined;
      case NEGATIVE_ZERO:
        return -0;
      case BIGINT:
        return bigintOf(data);
      case TEXT:
        return textOf(data);
      case ADDRESS:
        return new URL(Buffer.from(data).toString('utf8'));
      case BYTES:
        return makeBytes(BYTE_TYPES[data[0] ?? -1], data.subarray(1));
      default:
        // The skeleton of any other's data was not looked at.
        if (!nests(type)) throw unknownExtension();
        return this.#restored(type, this.unpack(data));
    }
  }

  #restored(type: number, content: unknown): unknown {
    const tag = TAG_OF.get(type);
    if (tag !== undefined) return this.#restorer.restore([tag, content]);
    if (!Array.isArray(content)) throw new TypeError('Damaged MessagePack: an extension without its list');
    switch (type) {
      case MAP:
        return mapOf(content);
      case SET:
        return new Set(content);
      case EXPRESSION:
        return new RegExp(String(content[0]), String(content[1]));
      default:
        throw unknownExtension();
    }
  }

  #tagged([tag, content]: readonly unknown[]): ExtData | null {
    return tag === 'bytes' ? this.tryToEncode(content) : this.#nested(TAGS.get(tag) ?? MAP, content);
  }

  #nested(type: number, content: unknown): ExtData {
    return this.#raw(type, this.pack(content));
  }

  #raw(type: number, data: Uint8Array): ExtData {
    return new this.#peer.ExtData(type, data);
  }
}

function unknownExtension(): TypeError {
  return new TypeError('Damaged MessagePack: an unknown extension');
}

function mapOf(content: readonly unknown[]): Map<unknown, unknown> {
  if (content.length % 2 !== 0) throw new TypeError('Damaged MessagePack: a key without a value');
  const map = new Map<unknown, unknown>();
  for (let index = 0; index < content.length; index += 2) map.set(content[index], content[index + 1]);
  return map;
}

/** The sign (1 = negative), then the digits, the most significant byte first. Decimal ones would take quadratic time to read. */
function bigintBytes(value: bigint): Uint8Array {
  const digits = (value < 0n ? -value : value).toString(16);
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  return Buffer.from(`${value < 0n ? '01' : '00'}${even}`, 'hex');
}

function bigintOf(data: Uint8Array): bigint {
  if (data.length < 2 || (data[0] ?? 0) > 1) throw new TypeError('Damaged MessagePack: no bigint');
  const digits = BigInt(`0x${Buffer.from(data.subarray(1)).toString('hex')}`);
  return data[0] === 1 ? -digits : digits;
}

function textOf(data: Uint8Array): string {
  if (data.length % 2 !== 0) throw new TypeError('Damaged MessagePack: half a character');
  return Buffer.from(data).toString('utf16le');
}
