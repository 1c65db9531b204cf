/**
 * Skeletons of MessagePack bodies: whether the bytes are one value of the kinds the codec writes, before the package sees them.
 *
 * The package makes an array of the length its header claims before it has seen an element, without a limit for all of them together: a
 * few kilobytes can claim terabytes. It also takes texts that are no UTF-8, and gives out memory of the body as binary.
 * Source: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { isUtf8 } from 'node:buffer';

/** The longest text that is looked at byte by byte; asking Node costs as much as that many bytes. */
const SHORT = 64;

/** How many bytes follow the header of leaves that the codec writes. */
const LEAF_BYTES: ReadonlyMap<number, number> = new Map([
  [0xc0, 0], // nil
  [0xc2, 0], // false
  [0xc3, 0], // true
  [0xcb, 8], // float 64
  [0xcc, 1], // uint 8, 16, 32, 64
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1], // int 8, 16, 32, 64
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
]);

type Sized = 'text' | 'array' | 'map' | 'extension';

/** How many bytes of a header say a length, and of what. */
const LENGTHS: ReadonlyMap<number, { readonly width: 1 | 2 | 4; readonly of: Sized }> = new Map([
  [0xc7, { width: 1, of: 'extension' }],
  [0xc8, { width: 2, of: 'extension' }],
  [0xc9, { width: 4, of: 'extension' }],
  [0xd9, { width: 1, of: 'text' }],
  [0xda, { width: 2, of: 'text' }],
  [0xdb, { width: 4, of: 'text' }],
  [0xdc, { width: 2, of: 'array' }],
  [0xdd, { width: 4, of: 'array' }],
  [0xde, { width: 2, of: 'map' }],
  [0xdf, { width: 4, of: 'map' }],
]);

/** Something that is not complete. */
interface Open {
  readonly of: 'array' | 'map' | 'extension';
  /** How many parts are missing; of a map, keys and values count. */
  missing: number;
  /** Where it must end; only an extension says so. */
  readonly end: number | undefined;
}

export interface SkeletonRules {
  /** Most arrays, maps and extensions inside of each other. */
  readonly maxDepth: number;
  /** Whether the data of extensions of this type is one value again. */
  readonly nests: (type: number) => boolean;
}

/** Throws a TypeError unless `bytes` are exactly one value of kinds that are written, within the rules, with texts for keys. */
export function assertSkeleton(bytes: Uint8Array, rules: SkeletonRules): void {
  new SkeletonWalk(bytes, rules).walk();
}

class SkeletonWalk {
  readonly #bytes: Uint8Array;
  readonly #rules: SkeletonRules;
  readonly #open: Open[] = [];
  #at = 0;

  constructor(bytes: Uint8Array, rules: SkeletonRules) {
    this.#bytes = bytes;
    this.#rules = rules;
  }

  walk(): void {
    do this.#part();
    while (this.#isOpen());
    if (this.#at !== this.#bytes.length) throw new TypeError('Damaged MessagePack: bytes after the end');
  }

  /** Ends everything that is complete; whether something is left open. */
  #isOpen(): boolean {
    for (let top = this.#open.at(-1); top !== undefined; top = this.#open.at(-1)) {
      if (top.missing > 0) return true;
      if (top.end !== undefined && top.end !== this.#at)
        throw new TypeError('Damaged MessagePack: an extension of another size');
      this.#open.pop();
    }
    return false;
  }

  #part(): void {
    const top = this.#open.at(-1);
    const place = top?.of === 'map' && top.missing % 2 === 0 ? 'key' : 'value';
    if (top !== undefined) top.missing -= 1;
    const head = this.#unsigned(1);
    // The most frequent first: short texts, and small numbers, which are their own header.
    if (head >= 0xa0 && head < 0xc0) this.#text(head - 0xa0);
    else if (place === 'key') this.#longKey(head);
    else if (head >= 0xe0 || head < 0x80) return;
    else if (head < 0x90) this.#sized('map', head - 0x80);
    else if (head < 0xa0) this.#sized('array', head - 0x90);
    else if (head >= 0xd4 && head <= 0xd8) this.#sized('extension', 2 ** (head - 0xd4));
    else this.#long(head);
  }

  #longKey(head: number): void {
    if (LENGTHS.get(head)?.of !== 'text') throw new TypeError('Damaged MessagePack: a key that is no text');
    this.#long(head);
  }

  #long(head: number): void {
    const length = LENGTHS.get(head);
    if (length === undefined) this.#skip(LEAF_BYTES.get(head));
    else if (length.of === 'text') this.#text(this.#unsigned(length.width));
    else this.#sized(length.of, this.#unsigned(length.width));
  }

  #sized(of: Exclude<Sized, 'text'>, size: number): void {
    if (of !== 'extension') this.#enter(of, of === 'map' ? 2 * size : size);
    else this.#extension(size);
  }

  #extension(size: number): void {
    const type = (this.#unsigned(1) << 24) >> 24; // signed
    if (this.#rules.nests(type)) this.#enter('extension', 1, this.#at + size);
    else this.#skip(size);
  }

  #enter(of: Open['of'], missing: number, end?: number): void {
    if (this.#open.length >= this.#rules.maxDepth) throw new TypeError(`More than ${this.#rules.maxDepth} levels`);
    this.#open.push({ of, missing, end });
  }

  #text(length: number): void {
    const start = this.#at;
    this.#skip(length);
    if (length <= SHORT && this.#isAscii(start)) return;
    if (!isUtf8(this.#bytes.subarray(start, this.#at))) throw new TypeError('Damaged MessagePack: not UTF-8');
  }

  #isAscii(start: number): boolean {
    for (let at = start; at < this.#at; at++) {
      if ((this.#bytes[at] ?? 0) >= 0x80) return false;
    }
    return true;
  }

  #unsigned(width: 1 | 2 | 4): number {
    let value = 0;
    for (let left = width; left > 0; left--) value = value * 256 + this.#byte();
    return value;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new TypeError('Damaged MessagePack: it ends too early');
    return byte;
  }

  #skip(length: number | undefined): void {
    if (length === undefined) throw new TypeError('Damaged MessagePack: a type that is never written');
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new TypeError('Damaged MessagePack: it ends too early');
  }
}
