/** A migration that takes its time: while it has not committed, nobody else can read the table. A common outage, and a real one. */
import type pg from 'pg';

/** Runs `during` while the table is being altered; then the migration is rolled back. */
export async function withMigration(pool: pg.Pool, during: () => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query('alter table keepsake_quickstart.city add column population integer');
    await during();
  } finally {
    await client.query('rollback');
    client.release();
  }
}
