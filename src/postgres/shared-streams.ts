/**
 * Shared streams: caches of one process that would listen in the same way listen together, over one connection.
 *
 * Two streams are the same when they go to the same place by the same options (the same pool, where one was given), over the same
 * log, channels and clock. What the caches are otherwise, namespaces and leases included, does not matter: names carry their namespace.
 */
import { Stream, type StreamOptions } from './stream.js';

const streams = new Map<string, Stream>();

/** The stream of these options: one that is open already, or a new one. `place`: where `connect` leads to. */
export function sharedStream(place: unknown, options: StreamOptions): Stream {
  const { delta, channel, eventChannel, clock, every, missedAfter } = options;
  const identity = identityOf([place, delta.text, channel, eventChannel, clock, every, missedAfter]);
  for (const [other, stream] of streams) if (stream.isClosed) streams.delete(other);
  const existing = streams.get(identity);
  if (existing !== undefined) return existing;
  const stream = new Stream(options);
  streams.set(identity, stream);
  return stream;
}

/** Numbers for what can only be compared by identity: functions, pools, certificates. */
const numbers = new WeakMap<object, number>();
let last = 0;

/** A text that is the same for equal plain data, whatever the order of its properties, and for the very same other objects. */
function identityOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(identityOf).join()}]`;
  if (typeof value === 'function' || (typeof value === 'object' && value !== null)) {
    if (Object.getPrototypeOf(value) === Object.prototype) return identityOfPlain(value);
    let number = numbers.get(value);
    if (number === undefined) {
      last += 1;
      number = last;
      numbers.set(value, number);
    }
    return `#${number}`;
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function identityOfPlain(value: object): string {
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  const texts = entries.map(([name, part]) => `${JSON.stringify(name)}:${identityOf(part)}`);
  return `{${texts.sort().join()}}`;
}
