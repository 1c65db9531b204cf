/** The second process as the first one sees it: started when it is first asked, it makes a call whenever it is told to. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Row } from './journal.js';

export class OtherProcess {
  readonly #url: string;
  #child: ChildProcess | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  /** Has it search once, and returns the row of its journal. */
  async search(): Promise<Row> {
    const child = this.#started();
    child.send('search');
    const gone = once(child, 'exit').then(([status]) => {
      throw new Error(`The second process ended with status ${String(status)}`);
    });
    const [row] = await Promise.race([once(child, 'message'), gone]);
    return row;
  }

  /** Lets it end, and waits until it has. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.disconnect();
    await ended;
  }

  #started(): ChildProcess {
    this.#child ??= fork(fileURLToPath(new URL('second-process.ts', import.meta.url)), {
      env: { ...process.env, DATABASE_URL: this.#url },
    });
    return this.#child;
  }
}
