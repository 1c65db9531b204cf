/** The side of the worker: what a test worker (a program started by processes.ts) answers its test with. */
import { createInterface } from 'node:readline';

/** One command: JSON in, JSON out. */
export type Handler = (argument: unknown) => unknown;

/**
 * Serves commands until the test closes the input. Call it last; it tells the test that the worker is ready.
 * Lines go over standard output, so that a worker must not print there (errors may go to standard error).
 */
export function serve(handlers: Readonly<Record<string, Handler>>): void {
  const send = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`);
  const answer = async (line: string): Promise<void> => {
    const { id, command, argument } = JSON.parse(line) as { id: number; command: string; argument: unknown };
    try {
      const handler = handlers[command];
      if (handler === undefined) throw new Error(`This worker has no command \`${command}\``);
      send({ id, value: (await handler(argument)) ?? null });
    } catch (error) {
      const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      send({ id, error: { name, message, stack, code } });
    }
  };
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => void answer(line));
  send({ ready: true });
}
