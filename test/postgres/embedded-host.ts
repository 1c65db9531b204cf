/** A program with an embedded server, which ends in the way its test asks for. */
import pg from 'pg';
import { startEmbedded } from '../../src/embedded/server.js';
import { serve } from '../support/worker-protocol.js';

let url = '';

async function ask(text: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ answer: unknown }>(text);
  await client.end();
  return rows[0]?.answer;
}

async function sayGoodbye(): Promise<void> {
  console.error(`handler: ${await ask("select 'still there' as answer")}`);
  process.exit(7);
}

serve({
  start: async (options) => {
    const server = await startEmbedded(options as Parameters<typeof startEmbedded>[0]);
    url = server.connectionString;
    return { url, data: await ask("select current_setting('data_directory') as answer") };
  },
  exit: () => process.exit(3),
  throw: () =>
    void setImmediate(() => {
      throw new Error('nobody catches this');
    }),
  handleSignal: () => void process.once('SIGINT', () => void sayGoodbye()),
});
