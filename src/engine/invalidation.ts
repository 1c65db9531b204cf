/** Invalidations: what a user may make invalid, as names of the log, and what this process does about it once it is true. */
import { entityText, type ParsedEntity } from '../kernel/entity.js';
import { EVERYTHING, keyName, namespaceName } from '../kernel/names.js';
import type { InvalidationKind } from '../ports/store.js';
import { type Engine, identify, tagNamesOf } from './call.js';
import { type Followed, followStore } from './follow-store.js';

export interface Invalidation {
  /** The log's names; may be empty. */
  readonly names: readonly string[];
  readonly kind: InvalidationKind;
  /** The key, if it is about one. */
  readonly key: string | undefined;
  /** Drops what the ledger alone would not hide; whether the local tier was the only home of it. */
  drop(): boolean;
  /** Tells observers. */
  report(): void;
}

/** Of one entry, never to be served again. Its id is given where the key is not known whole. */
export function deletionOf(engine: Engine, key: string, id = identify(engine, key).id): Invalidation {
  return {
    names: [keyName(id)],
    kind: 'delete',
    key,
    drop: () => engine.local.remove(key),
    report: () => engine.reporter.invalidated({ key }, 'delete', []),
  };
}

/** An entry by its key, and by its id where the key is not known whole. */
export interface Named {
  readonly key: string;
  readonly id?: string;
}

/** Of several entries, never to be served again. */
export function deletionOfMany(engine: Engine, entries: readonly Named[]): Invalidation {
  const each = entries.map(({ key, id }) => deletionOf(engine, key, id));
  return {
    names: each.flatMap(({ names }) => names),
    kind: 'delete',
    key: undefined,
    drop: () => each.map(({ drop }) => drop()).includes(true),
    report() {
      for (const { report } of each) report();
    },
  };
}

/** Of one entry, which may still be served within its grace. */
export function expirationOf(engine: Engine, key: string): Invalidation {
  return {
    names: [identify(engine, key).keyName],
    kind: 'expire',
    key,
    drop: () => engine.local.expire(key),
    report: () => engine.reporter.invalidated({ key }, 'expire', []),
  };
}

/** Of every entry that carries one of `tags`. */
export function invalidationOfTags(engine: Engine, tags: readonly string[], kind: InvalidationKind): Invalidation {
  return {
    names: tagNamesOf(engine, tags).names,
    kind,
    key: undefined,
    drop: () => false,
    report: () => engine.reporter.invalidated({ key: undefined }, kind, tags),
  };
}

/** Of every entry of one entity. */
export function invalidationOfEntity(
  engine: Engine,
  { type, tag }: ParsedEntity,
  kind: InvalidationKind,
): Invalidation {
  const entity: readonly string[] = JSON.parse(entityText(tag) ?? '[]');
  return {
    names: tagNamesOf(engine, [tag]).names,
    kind,
    key: undefined,
    drop: () => false,
    report: () => engine.reporter.invalidated({ key: undefined, keyType: type }, kind, [], entity),
  };
}

/** Of everything in the cache's namespace, or in the whole table. */
export function clearanceOf(engine: Engine, what: 'namespace' | 'table'): Invalidation {
  return {
    names: [what === 'table' ? EVERYTHING : namespaceName(engine.namespace)],
    kind: 'delete',
    key: undefined,
    drop: () => {
      engine.local.clear();
      return false;
    },
    report: () => engine.reporter.invalidated({ key: undefined }, 'clear', []),
  };
}

/** Makes an invalidation, now. */
export async function invalidate(engine: Engine, invalidation: Invalidation): Promise<void> {
  const { names, kind, key } = invalidation;
  if (names.length === 0) return;
  await followStore(
    engine,
    { operation: 'invalidate', key, names },
    () => engine.store.invalidate(names, kind),
    () => invalidation.drop(),
  );
  invalidation.report();
}

/** The same for somebody who has done his work: what the store cannot be told now stays owed. Never rejects. */
export async function invalidateSurely(engine: Engine, invalidation: Invalidation): Promise<void> {
  try {
    await invalidate(engine, invalidation);
  } catch {
    // Reported where it failed.
    engine.owed.owe(invalidation.names, invalidation.kind);
  }
}

/** Invalidates names, whatever they stand for; nothing is dropped but what the ledger then hides. */
export async function invalidateNames(
  parts: Followed,
  names: readonly string[],
  kind: InvalidationKind,
): Promise<void> {
  await followStore(
    parts,
    { operation: 'invalidate', key: undefined, names },
    () => parts.store.invalidate(names, kind),
    () => undefined,
  );
}
