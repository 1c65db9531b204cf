/** A small disk under the tables that caches write all the time, so that it can be full for them and for nobody else. */
import { stat } from 'node:fs/promises';
import pg from 'pg';
import { SmallDisk } from '../test/support/small-disk.js';
import type { HarnessServer } from './server.js';

const NAME = 'keepsake_harness_small';
const MEGABYTES = 32;

/** Entries, the log, leases; what is written once and in a while stays where it is. */
const TABLES = ['cache', 'cache_invalidations', 'cache_leases'];

/** SQLSTATE of a disk without room. */
const DISK_FULL = '53100';

export class SmallTablespace {
  readonly #server: HarnessServer;
  readonly #schema: string;
  readonly #disk: SmallDisk;

  private constructor(server: HarnessServer, schema: string, disk: SmallDisk) {
    this.#server = server;
    this.#schema = schema;
    this.#disk = disk;
  }

  /** Moves the tables of a schema to a disk of their own. */
  static async under(server: HarnessServer, schema: string): Promise<SmallTablespace> {
    const disk = new SmallDisk(MEGABYTES, await stat(server.data));
    const made = new SmallTablespace(server, schema, disk);
    try {
      await server.ask(`create tablespace ${NAME} location '${disk.path}'`);
      await made.#moveTo(NAME);
      return made;
    } catch (error) {
      await made.remove();
      throw error;
    }
  }

  /** Takes all room there is: on the disk, and then in the log's own pages, as a busy application would in a while. */
  async fill(): Promise<void> {
    this.#disk.fill();
    const rows = `insert into ${this.#schema}.cache_invalidations (name, kind)
      select 'harness|' || gen_random_uuid(), 'written' from generate_series(1, 20)`;
    for (let round = 0; round < 1_000; round += 1) {
      try {
        await this.#server.ask(rows);
      } catch (error) {
        if (error instanceof pg.DatabaseError && error.code === DISK_FULL) return;
        throw error;
      }
    }
    throw new Error('The disk of the tables is not full');
  }

  free(): void {
    this.#disk.free();
  }

  /** Moves the tables back, and takes the disk away. */
  async remove(): Promise<void> {
    this.free();
    try {
      await this.#moveTo('pg_default');
      await this.#server.ask(`drop tablespace if exists ${NAME}`);
    } finally {
      this.#disk.unmount();
    }
  }

  async #moveTo(tablespace: string): Promise<void> {
    const indexes = await this.#server.ask<{ name: string }>(
      'select indexname as name from pg_indexes where schemaname = $1 and tablename = any ($2)',
      [this.#schema, TABLES],
    );
    for (const table of TABLES)
      await this.#server.ask(`alter table ${this.#schema}.${table} set tablespace ${tablespace}`);
    for (const { name } of indexes)
      await this.#server.ask(`alter index ${this.#schema}.${name} set tablespace ${tablespace}`);
  }
}
