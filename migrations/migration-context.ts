/** What a migration is given. Migrations are frozen, so they depend on nothing that goes on changing. */
import type { RawBuilder } from 'kysely';

/** The tables there are names for. */
type Table = 'entries' | 'invalidations' | 'mass' | 'boot' | 'meta' | 'leases' | 'marks' | 'locks' | 'policies';

export interface MigrationContext {
  /** Unquoted. */
  readonly schema: string;
  /** Unqualified names, for those of indexes and constraints. */
  readonly names: Readonly<Record<Table, string>>;
  /** Quoted, with their schema. */
  readonly tables: Readonly<Record<Table | 'massHides', RawBuilder<unknown>>>;
  /** Likewise. */
  readonly functions: Readonly<Record<'escape' | 'storedTag', RawBuilder<unknown>>>;
  /** Of the entries; cannot be changed later. */
  readonly durability: 'unlogged' | 'logged';
  /** `adopt`: another program has made the table of entries. */
  readonly entries: 'create' | 'adopt';
  /** Whose the column `tags` is, in a table that is adopted. */
  readonly tags: 'ours' | 'theirs';
  /** Whether programs that know nothing of Keepsake may write entries. */
  readonly foreignWrites: 'heard' | 'ignored';
}
