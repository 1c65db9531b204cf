/**
 * The MessagePack codec: bytes that keep JavaScript's types, smaller than text where values hold numbers or bytes.
 *
 * One encoding is written, `msgpack`. Null, booleans, numbers, texts, arrays and plain objects are MessagePack's own, valid dates its
 * timestamps; everything else is an extension (message-pack/extensions). A change that older readers would misread gets a new name.
 *
 * The package is `@msgpack/msgpack`: plain JavaScript without dependencies, which never makes code out of data (`msgpackr` does, for
 * records, asked for or not, and brings binaries of each platform) and refuses the key `__proto__`.
 */
import { CodecError } from '../../errors.js';
import type { Codec, Encoded } from '../../kernel/codec.js';
import { type ClassForms, ClassRegistry } from '../class-forms.js';
import { type ClassListener, ClassNews } from '../class-news.js';
import { MAX_STORED_DEPTH } from '../plain-json.js';
import { type Dialect, storable } from '../storable.js';
import { Restorer } from '../tagged.js';
import { Extensions, isCarried, nests, packBytes, packLeaf } from './extensions.js';
import { loadMessagePack, type MessagePack } from './peer.js';
import { assertSkeleton } from './skeleton.js';

/** What {@link createMessagePackCodec} takes; all of it optional. */
export interface MessagePackCodecOptions {
  /** Classes whose instances come back as instances, by name and version: `{ 'Money@1': Money }`. Default: none. */
  readonly classes?: ClassForms | undefined;
  /** Hears, once per class, that instances of it become plain data, or an instance of the built-in class it extends. Default: a process warning. */
  readonly onClass?: ClassListener | undefined;
}

const ENCODING = 'msgpack';

/**
 * Creates the MessagePack codec, which keeps exactly the types the codec `superjson` keeps, and refuses the same.
 *
 * Throws CodecError: `UNENCODABLE_VALUE` for functions, symbols, promises and cycles anywhere, `UNDECODABLE_VALUE` for anything it did not write.
 *
 * @throws ConfigurationError `MISSING_PEER` without the package `@msgpack/msgpack`; `INVALID_OPTION` for classes that cannot be registered
 * @example
 * import { createMessagePackCodec } from 'keepsake/msgpack';
 * await Cache.configure({ connection: process.env.DATABASE_URL, codec: createMessagePackCodec() });
 */
export function createMessagePackCodec(options: MessagePackCodecOptions = {}): Codec {
  const peer = loadMessagePack(import.meta.url);
  return new MessagePackCodec(peer, new ClassRegistry(options.classes), new ClassNews(options.onClass));
}

const DIALECT: Dialect = {
  leaf: packLeaf,
  bytes: packBytes,
  // The package refuses to read `__proto__`.
  carriesKey: (key) => key !== '__proto__' && isCarried(key),
};

class MessagePackCodec implements Codec {
  readonly name: string;
  readonly #peer: MessagePack;
  readonly #classes: ClassRegistry;
  readonly #news: ClassNews;

  constructor(peer: MessagePack, classes: ClassRegistry, news: ClassNews) {
    this.name = classes.names.length === 0 ? ENCODING : `${ENCODING}(${classes.names.join(', ')})`;
    this.#peer = peer;
    this.#classes = classes;
    this.#news = news;
  }

  encode(value: unknown): Encoded {
    try {
      const onInstance = (instance: object, name: string): void => this.#news.tell(instance, name);
      const tree = storable(value, { dialect: DIALECT, classes: this.#classes, onInstance });
      return { encoding: ENCODING, body: this.#extensions().pack(tree) };
    } catch (cause) {
      if (cause instanceof CodecError) throw cause;
      throw new CodecError('UNENCODABLE_VALUE', 'Expected a value that can be stored, but reading it failed', {
        cause,
      });
    }
  }

  decode({ encoding, body }: Encoded): unknown {
    if (encoding !== ENCODING) {
      const got = encoding === null ? 'raw bytes of a foreign writer' : `\`${encoding}\``;
      throw new CodecError('UNDECODABLE_VALUE', `Expected the encoding \`${ENCODING}\`, got ${got}`);
    }
    try {
      if (typeof body === 'string') throw new TypeError('Text is never MessagePack');
      assertSkeleton(body, { maxDepth: MAX_STORED_DEPTH, nests });
      return this.#extensions().unpack(body);
    } catch (cause) {
      throw new CodecError('UNDECODABLE_VALUE', `Expected a body in the encoding \`${ENCODING}\`, but it is damaged`, {
        cause,
      });
    }
  }

  #extensions(): Extensions {
    return new Extensions(this.#peer, new Restorer(this.#classes));
  }
}
