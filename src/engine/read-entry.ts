/** Reading without a loader: the fresh value under a key, or nothing. What `get` does. */
import type { ResolvedPolicy } from '../kernel/policy.js';
import type { Engine } from './call.js';
import { touchLater, useShared } from './find.js';
import { copyOf } from './found-entry.js';
import { isLocallyRead, type ReadWanted, readOnTerms } from './terms.js';
import { currentScope } from './transaction-scope.js';

/** How something is read, resolved. */
export type ReadPolicy = Pick<
  ResolvedPolicy,
  'ramp' | 'tiers' | 'consistency' | 'codec' | 'isolation' | 'localTtl' | 'useCase' | 'keyType'
> &
  Pick<ReadWanted['policy'], 'own'>;

/** The fresh value under `key`, or undefined. Not an async function: a local hit costs one promise, a shared one no more than its read. */
export function readEntry(engine: Engine, key: string, policy: ReadPolicy): Promise<unknown> {
  const { reporter, local } = engine;
  const subject = { key, useCase: policy.useCase, keyType: policy.keyType };
  const started = reporter.start();
  reporter.counters.calls += 1;
  if (currentScope() !== undefined) {
    reporter.bypass(subject, 'scope');
    return Promise.resolve(undefined);
  }
  const wanted = readOnTerms(engine, { subject, policy });
  if (typeof wanted === 'string') {
    reporter.bypass(subject, wanted);
    return Promise.resolve(undefined);
  }
  const hit = isLocallyRead(wanted) ? local.find(key) : undefined;
  if (hit === undefined || hit.state === 'stale') return readShared(engine, wanted, started);
  if (hit.touchDue) touchLater(engine, subject);
  reporter.hit(subject, 'local', hit.state, started);
  return Promise.resolve(hit.value);
}

function readShared(engine: Engine, wanted: ReadWanted, started: number): Promise<unknown> {
  const { reporter } = engine;
  return useShared(engine, wanted, ({ state, entry, bypassed }): unknown => {
    const { subject } = wanted;
    if (entry !== undefined && (state === 'fresh' || state === 'early')) {
      reporter.hit(subject, 'shared', state, started);
      return copyOf(entry);
    }
    if (bypassed === undefined) reporter.miss(subject, started);
    else reporter.bypass(subject, bypassed);
    return undefined;
  });
}
