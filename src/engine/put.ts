/**
 * Putting: what a method that changes data returned is stored under its key, as what was true before the method began.
 *
 * Nobody can say in which order two such methods committed, nor whether a load that ran beside one of them read what was before it or
 * after. So a result is stored only if nothing else has happened to its entry meanwhile. Else its key is made invalid: whatever is true
 * now, what was there before the method is not.
 */
import { lifetimesOf } from '../kernel/lifetimes.js';
import type { LoadToken } from '../ports/store.js';
import { type Call, type Engine, identify, tagNamesOf } from './call.js';
import { deletionOf, invalidateSurely } from './invalidation.js';
import { type LoadWishes, RunningLoad, runLoading } from './load-context.js';
import {
  candidate,
  entryWrite,
  finalTags,
  type Keepable,
  localLife,
  prepare,
  reasonNotToKeep,
  receivedLife,
  withWishes,
} from './publish.js';
import { currentScope } from './transaction-scope.js';

/** The moment before the method. */
interface Before {
  /** What the store could see; undefined when it was not asked, or did not answer. */
  readonly token: LoadToken | undefined;
  /** The ledger's count, and monotonic milliseconds. */
  readonly since: number;
  readonly began: number;
}

/** What the method has returned, and said about it. */
interface Result {
  readonly value: unknown;
  readonly wishes: LoadWishes;
  /** Whether this call is one to store. */
  readonly condition: 'met' | 'unmet';
}

/** Runs `call.load`, and stores what it returns or makes its key invalid. Rejects with what the method throws, and nothing else. */
export async function putResult(engine: Engine, call: Call, condition: 'met' | 'unmet'): Promise<unknown> {
  const since = engine.ledger.begin();
  try {
    const began = engine.clock.monotonic();
    const before: Before = { token: await tokenOf(engine, call), since, began };
    const context = new RunningLoad(call.key, 'put', undefined);
    const value = await runLoading(engine, call.key, context, () => call.load(context));
    await follow(engine, call, before, { value, wishes: context.wishes, condition });
    return value;
  } finally {
    engine.ledger.end();
  }
}

async function tokenOf(engine: Engine, call: Call): Promise<LoadToken | undefined> {
  if (currentScope() !== undefined || call.tiers === 'local') return undefined;
  return await engine.store.read(call, identify(engine, call.key).id, (read) => read?.token);
}

async function follow(engine: Engine, call: Call, before: Before, result: Result): Promise<void> {
  const scope = currentScope();
  const deletion = deletionOf(engine, call.key);
  if (scope !== undefined) {
    // What others may not see yet must not be stored; what is stored is out of date with the commit.
    engine.reporter.notStored(call, 'skipped');
    await scope.joinSurely(engine, deletion);
    return;
  }
  const keepable = keepableOf(engine, call, result);
  if (keepable !== undefined && (await keep(engine, call, before, keepable, result.wishes)) === 'kept') return;
  await invalidateSurely(engine, deletion);
}

/** A result as it would be stored. Undefined, and reported, for what cannot or should not be. */
function keepableOf(engine: Engine, call: Call, { value, wishes, condition }: Result): Keepable | undefined {
  const reason = condition === 'unmet' ? 'condition' : reasonNotToKeep(engine, call, value, wishes);
  if (reason !== undefined) {
    engine.reporter.notStored(call, reason);
    return undefined;
  }
  const prepared = prepare(engine, call, call.policy.codec ?? engine.codec, value);
  const tags = prepared === undefined ? undefined : finalTags(engine, call, wishes);
  if (prepared === undefined || tags === undefined) return undefined;
  if (prepared.bytes > engine.maxValueBytes) {
    engine.reporter.notStored(call, 'too-large');
    return undefined;
  }
  const tagged = tagNamesOf(engine, tags);
  const isolated = engine.local.protect(prepared.decoded, call.policy.isolation);
  return { ...prepared, isolated, isNull: value === null, storedTags: tagged.stored, tagNames: tagged.names };
}

async function keep(
  engine: Engine,
  call: Call,
  { token, since, began }: Before,
  keepable: Keepable,
  wishes: LoadWishes,
): Promise<'kept' | 'refused'> {
  const { policy } = call;
  const { keyName } = identify(engine, call.key);
  const lifetimes = lifetimesOf(withWishes(policy, wishes), {
    jitter: 'none',
    isNull: keepable.isNull,
  });
  const base = { call, keepable, began, since, localTtl: policy.localTtl };
  if (policy.tiers === 'local') {
    const kept = engine.local.admit(candidate(engine, base, localLife(engine, lifetimes), 'local'));
    if (!kept) {
      engine.reporter.notStored(call, 'invalidated');
      return 'refused';
    }
    // Loads that began before may not be kept over it: no store tells them from younger ones.
    engine.ledger.learn([keyName], undefined);
    engine.reporter.stored(call, 'local', keepable);
    return 'kept';
  }
  const asked = engine.clock.monotonic();
  const write = entryWrite(engine, call.key, keepable, lifetimes, undefined);
  const put = token === undefined ? undefined : await engine.store.put(call, write, token);
  if (put?.status !== 'stored') {
    engine.reporter.notStored(call, put?.reason ?? 'store-unavailable');
    return 'refused';
  }
  const { receipt } = put;
  engine.ledger.learn([keyName], receipt.xid);
  engine.local.remove(call.key);
  engine.reporter.stored(call, policy.tiers, keepable);
  if (policy.tiers === 'both')
    engine.local.admit(candidate(engine, base, receivedLife(receipt, lifetimes, asked), 'shared'));
  return 'kept';
}
