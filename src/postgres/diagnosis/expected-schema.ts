/** What our tables look like after every migration. Written by test/postgres/migrations.test.ts, from the database. */
import type { TableRole, TableShape } from './catalog.js';

export const EXPECTED_SCHEMA: Readonly<Record<TableRole, TableShape>> = {
  boot: {
    persistence: 'unlogged',
    columns: {
      only: 'boolean not null',
      id: 'uuid not null',
    },
    indexes: {
      '"only"': 'unique',
    },
  },
  entries: {
    persistence: 'unlogged',
    columns: {
      id: 'text not null',
      value: 'bytea not null',
      expiresattime: 'timestamp with time zone not null',
      slidingexpirationinseconds: 'bigint',
      absoluteexpiration: 'timestamp with time zone',
      encoding: 'text',
      stored_as: 'text not null',
      tags: 'text[]',
      snapshot: 'pg_snapshot not null',
      writer_xid: 'xid8 not null',
      written_at: 'timestamp with time zone',
      stale_until: 'timestamp with time zone',
      refresh_at: 'timestamp with time zone',
      retry_at: 'timestamp with time zone',
      grace_ms: 'double precision not null',
      sliding_ms: 'double precision',
      load_ms: 'double precision',
    },
    indexes: {
      id: 'unique',
    },
  },
  invalidations: {
    persistence: 'logged',
    columns: {
      name: 'text not null',
      xid: 'xid8 not null',
      kind: 'text not null',
      at: 'timestamp with time zone not null',
    },
    indexes: {
      'name, xid': 'unique',
      xid: 'plain',
    },
  },
  leases: {
    persistence: 'unlogged',
    columns: {
      id: 'text not null',
      holder: 'text not null',
      held_until: 'timestamp with time zone not null',
    },
    indexes: {
      id: 'unique',
    },
  },
  locks: {
    persistence: 'logged',
    columns: {
      name: 'text not null',
      holder: 'text not null',
      fence: 'bigint not null',
      held_until: 'timestamp with time zone not null',
    },
    indexes: {
      name: 'unique',
    },
  },
  marks: {
    persistence: 'unlogged',
    columns: {
      at: 'timestamp with time zone not null',
      incarnation: 'text not null',
      snapshot: 'pg_snapshot not null',
    },
    indexes: {
      at: 'unique',
    },
  },
  mass: {
    persistence: 'logged',
    columns: {
      bucket: 'integer not null',
      xid: 'xid8 not null',
      n: 'bigint not null',
      hashes: 'bigint[] not null',
    },
    indexes: {
      'bucket, xid, n': 'unique',
      xid: 'plain',
    },
  },
  meta: {
    persistence: 'logged',
    columns: {
      only: 'boolean not null',
      cache_id: 'uuid not null',
      identity: 'text',
      load_deadline_ms: 'double precision not null',
    },
    indexes: {
      '"only"': 'unique',
    },
  },
  policies: {
    persistence: 'logged',
    columns: {
      use_case: 'text not null',
      enabled: 'boolean not null',
      ramp_local: 'double precision',
      ramp_shared: 'double precision',
      policy: 'jsonb not null',
    },
    indexes: {
      use_case: 'unique',
    },
  },
};
