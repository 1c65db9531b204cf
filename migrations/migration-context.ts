/** What a migration is given. Migrations are frozen, so they depend on nothing that goes on changing. */
import type { RawBuilder } from 'kysely';

/** The tables there are names for. */
type Table = 'entries' | 'invalidations' | 'boot' | 'meta' | 'leases' | 'marks' | 'locks';

export interface MigrationContext {
  /** Unqualified names, for those of indexes and constraints. */
  readonly names: Readonly<Record<Table, string>>;
  /** Quoted, with their schema. */
  readonly tables: Readonly<Record<Table, RawBuilder<unknown>>>;
  /** Likewise. */
  readonly functions: Readonly<Record<'escape' | 'storedTag', RawBuilder<unknown>>>;
  /** Of the entries; cannot be changed later. */
  readonly durability: 'unlogged' | 'logged';
}
