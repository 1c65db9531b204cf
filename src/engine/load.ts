/**
 * Loading: one run of a loader, from its start to the moment its result is kept or refused. The load carries the token of the read
 * that missed, so that whatever happens to its names meanwhile is noticed by the store, in every process.
 */
import { type KeepsakeError, LoadTimeoutError } from '../errors.js';
import { tagName } from '../kernel/names.js';
import type { LoadToken, Postponed } from '../ports/store.js';
import { type Call, type Engine, identify, namesAlways, tagNamesOf } from './call.js';
import { KeptFailure } from './failure.js';
import type { Found } from './find.js';
import { Flight, type Landed } from './flight.js';
import { copyOf, type FoundEntry } from './found-entry.js';
import type { HeldLease } from './lease-keeper.js';
import { RunningLoad, runLoading, type StaleValue } from './load-context.js';
import { publishLoad } from './publish.js';
import { publishFailure, publishUnchanged } from './publish-otherwise.js';
import { type AdoptedFound, obtainRight, type Right } from './right-to-load.js';
import { waitFor } from './waiting.js';

/** Why a load begins, and what was found before it. */
export interface LoadCause {
  readonly reason: 'miss' | 'stale' | 'early' | 'refresh';
  /** The value at hand, if any. */
  readonly stale: StaleValue | undefined;
  /** The entry of the shared tier that it is the value of. */
  readonly entry?: FoundEntry | undefined;
  /** Undefined when the store could not be asked. */
  readonly token: LoadToken | undefined;
  readonly background: boolean;
  /** The lease under which it runs, if that was taken before. */
  readonly lease?: HeldLease | undefined;
}

/** Starts a flight that runs `call.load` and publishes what it returns. */
export function startLoad(engine: Engine, call: Call, cause: LoadCause): Flight {
  return new Flight({
    since: engine.ledger.begin(),
    began: engine.clock.monotonic(),
    names: namesKnown(engine, call),
    background: cause.background,
    run: async (flight) => {
      try {
        return await runToEnd(engine, call, cause, flight);
      } finally {
        engine.ledger.end();
      }
    },
  });
}

async function runToEnd(engine: Engine, call: Call, cause: LoadCause, flight: Flight): Promise<Landed> {
  // Without a token nothing will be stored, and an early refresh brings its lease along.
  const needsRight = cause.token !== undefined && cause.reason !== 'early' && call.policy.tiers !== 'local';
  const right: Right = needsRight
    ? await obtainRight(engine, call, flight, cause.reason === 'refresh' ? 'load' : 'adopt')
    : { verdict: 'load', lease: cause.lease, found: undefined };
  if (right.verdict === 'adopt') return adopt(right.found, flight);
  try {
    // Everybody may have left while another process was waited for.
    flight.cancellation.throwIfCancelled();
    return await runLoader(engine, call, sinceThen(cause, right.found), flight);
  } finally {
    right.lease?.release();
  }
}

/** With what a later look has found: its token, and the value that goes with it. Unchanged when the store could not be asked. */
function sinceThen(cause: LoadCause, found: Found | undefined): LoadCause {
  if (found?.token === undefined) return cause;
  const { token, entry } = found;
  const isServable = entry !== undefined && found.state !== 'dead' && !(entry.isolated.value instanceof KeptFailure);
  if (!isServable) return { ...cause, token, stale: undefined, entry: undefined };
  return { ...cause, token, entry, stale: { value: copyOf(entry), age: entry.stored.age } };
}

/** Another process has loaded meanwhile. */
function adopt({ entry, state }: AdoptedFound, flight: Flight): Landed {
  flight.names = [...flight.names, ...entry.stored.tags.map(tagName)];
  return { value: entry.isolated, from: { tier: 'shared', state } };
}

async function runLoader(engine: Engine, call: Call, cause: LoadCause, flight: Flight): Promise<Landed> {
  const started = engine.clock.monotonic();
  const context = new RunningLoad(call.key, cause.reason, cause.stale, flight.cancellation);
  engine.reporter.loadStart(call, cause.background);
  const running = runLoading(engine, call.key, context, () => call.load(context));
  const ended = await waitFor(running, engine.clock, engine.loadDeadline);
  const loadMs = engine.clock.monotonic() - started;
  if (ended.ended === 'value') {
    engine.reporter.loadEnd(call, cause.background, 'succeeded', loadMs);
    const { token } = cause;
    const { began, since } = flight;
    const { wishes } = context;
    // What was learned counts whether or not the value can be kept.
    flight.names = [...flight.names, ...tagNamesOf(engine, wishes.tags).names];
    const finished = { value: ended.value, wishes, token, began, since, loadMs };
    const isConfirmed = wishes.notModified && cause.entry !== undefined && ended.value === cause.stale?.value;
    const { value, isKept } = isConfirmed
      ? await publishUnchanged(engine, call, finished, cause.entry)
      : await publishLoad(engine, call, finished);
    if (!isKept && cause.reason === 'early') await backOff(engine, call, cause, { began, postponed: 'refresh' });
    return { value, from: { tier: 'loader' } };
  }
  const error = ended.ended === 'error' ? ended.error : abandoned(engine, call);
  engine.reporter.loadEnd(call, cause.background, ended.ended === 'error' ? 'failed' : 'abandoned', loadMs, error);
  if (ended.ended !== 'error') flight.cancellation.cancel(error);
  const isCovered = cause.stale !== undefined && (cause.reason === 'early' || call.policy.accepts(error));
  const { token } = cause;
  const { began, since } = flight;
  const kept = isCovered
    ? 'not wanted'
    : await publishFailure(engine, call, { value: error, wishes: context.wishes, token, began, since, loadMs });
  const postponed = call.policy.accepts(error) ? 'load' : 'refresh';
  if (kept === 'not wanted') await backOff(engine, call, cause, { began, postponed });
  throw error;
}

/** A load that was in vain, and what is not tried again for a while because of it. */
interface Tried {
  readonly began: number;
  readonly postponed: Postponed;
}

/**
 * After a load that was in vain, with a value at hand: nobody tries again for a while, in the whole cluster, before anybody is answered. An
 * early refresh always has its pause, or every read would start the next one. Where the policy does not let stale stand for what
 * happened, only early refreshes have it: as soon as the value is no longer fresh, callers are to hear of it themselves.
 */
async function backOff(engine: Engine, call: Call, cause: LoadCause, { began, postponed }: Tried): Promise<void> {
  const { backoff } = call.policy;
  if (cause.reason === 'miss' || (postponed === 'refresh' && cause.reason !== 'early') || backoff <= 0) return;
  engine.local.postpone(call.key, backoff, began, postponed);
  if (cause.token === undefined) return;
  await engine.store.postpone(call, identify(engine, call.key).id, backoff, cause.token, postponed);
}

function abandoned(engine: Engine, call: Call): KeepsakeError {
  return new LoadTimeoutError(
    'LOAD_ABANDONED',
    `The load of \`${call.key}\` was given up after ${engine.loadDeadline} ms (loadDeadline)`,
  );
}

/** The names a load is known to depend on before it runs; its tags may turn out to be more. */
function namesKnown(engine: Engine, call: Call): readonly string[] {
  let tags = call.policy.tags;
  try {
    tags = [...tags, ...call.tags()];
  } catch {
    // Reported when the result is published, which it then is not.
  }
  return [...namesAlways(engine, call.key), ...tagNamesOf(engine, tags).names];
}
