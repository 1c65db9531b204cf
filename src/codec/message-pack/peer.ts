/** The optional peer `@msgpack/msgpack`: found when a codec is made, so that this package loads without it. */
import { createRequire } from 'node:module';
import { ConfigurationError } from '../../errors.js';

/** What of the package is used. */
export type MessagePack = Pick<
  typeof import('@msgpack/msgpack'),
  'Encoder' | 'Decoder' | 'ExtData' | 'encodeTimestampExtension' | 'decodeTimestampExtension'
>;

const PACKAGE = '@msgpack/msgpack';

/**
 * Loads the package, as `root` (a file or its URL) would find it.
 *
 * @throws ConfigurationError `MISSING_PEER` when it is not installed, or older than it must be
 */
export function loadMessagePack(root: string | URL): MessagePack {
  const found = requireFrom(root);
  if (isMessagePack(found)) return found;
  throw missing('in version 3.1 or newer', undefined);
}

function requireFrom(root: string | URL): unknown {
  try {
    // Not `import()`, because codecs are made synchronously, and not `import`, because the package is optional.
    return createRequire(root)(PACKAGE);
  } catch (cause) {
    throw missing('to be installed', cause);
  }
}

function missing(what: string, cause: unknown): ConfigurationError {
  return new ConfigurationError(
    'MISSING_PEER',
    `Expected the package \`${PACKAGE}\` ${what}, because the codec \`msgpack\` is asked for; add it with \`npm install ${PACKAGE}\``,
    cause === undefined ? undefined : { cause },
  );
}

const NEEDED = ['Encoder', 'Decoder', 'ExtData', 'encodeTimestampExtension', 'decodeTimestampExtension'] as const;

function isMessagePack(found: unknown): found is MessagePack {
  return (
    typeof found === 'object' &&
    found !== null &&
    NEEDED.every((name) => typeof Reflect.get(found, name) === 'function')
  );
}
