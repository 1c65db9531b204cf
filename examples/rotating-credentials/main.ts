/**
 * What if the password changes while the application runs? Give a function: every new connection asks it.
 *
 * `DATABASE_URL=postgres://... npx tsx examples/rotating-credentials/main.ts`, for a user who may create roles.
 */
import { randomBytes } from 'node:crypto';
import { Cache } from 'keepsake';
import pg from 'pg';

/** What a secrets manager would be. */
const vault = { password: randomBytes(12).toString('hex'), asked: 0 };

const admin = new pg.Client({ connectionString: process.env['DATABASE_URL'] });
await admin.connect();
const role = `keepsake_example_${process.pid}`;
await admin.query(`create role ${role} login password '${vault.password}'; grant ${role} to current_user`);
await admin.query(`create schema ${role} authorization ${role}`);

const { host, port, database = '' } = admin;
await Cache.configure({
  connection: {
    ...{ host, port, database, user: role },
    password: async () => {
      vault.asked += 1;
      return vault.password;
    },
    maxLifetimeSeconds: 600, // so that a connection does not outlive what it was opened with by much
  },
  schema: role,
  startup: 'fail',
  logger: { warn: () => undefined }, // of the connections that lose their server below, as is meant
});
await Cache.set('greeting', 'hello', { ttl: '1h' });
console.log('asked for the password at first:', vault.asked > 0);

// The password is changed, and whoever is connected with the old one is shown the door.
vault.password = randomBytes(12).toString('hex');
vault.asked = 0;
await admin.query(`alter role ${role} password '${vault.password}'`);
await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [role]);

console.log(
  'after the change:',
  await Cache.getOrSet('greeting', async () => 'loaded again', { ttl: '1h', tiers: 'shared' }),
);
console.log('asked again:', vault.asked > 0);

await Cache.close();
await admin.query(`drop owned by ${role}`);
await admin.query(`drop role ${role}`);
await admin.end();
