/** Another program that knows nothing of Keepsake: it runs the SQL it is given, as psql would. */
import pg from 'pg';

const client = new pg.Client({ connectionString: process.env['DATABASE_URL'] });
await client.connect();
await client.query(process.argv[2] ?? 'select 1');
await client.end();
