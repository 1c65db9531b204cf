/** Opening the store: at once, or, when its server cannot be reached and that may be, as soon as it can. */
import { StoreError } from '../errors.js';
import type { Timer } from '../kernel/clock.js';
import { isProgrammingError } from '../kernel/exceptions.js';
import type { Engine } from './call.js';

/** First and longest pause between attempts, in milliseconds. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;

/** Attempts that may still be going on. */
export interface Opening {
  /** Ends them, and waits for one under way. */
  stop(): Promise<void>;
}

/**
 * Opens the store of an engine.
 *
 * @throws ConfigurationError, and errors of a program that is wrong, always; StoreError with `startup: 'fail'`
 */
export async function openStore(engine: Engine, startup: 'degraded' | 'fail'): Promise<Opening> {
  try {
    await engine.store.open();
    return { stop: async () => undefined };
  } catch (error) {
    if (!(error instanceof StoreError) || startup === 'fail') throw error;
    engine.reporter.error({ key: undefined }, 'connect', error);
    return keepTrying(engine);
  }
}

function keepTrying(engine: Engine): Opening {
  let pause = FIRST_PAUSE;
  let attempt: Promise<void> = Promise.resolve();
  let state: 'trying' | 'stopped' = 'trying';
  let timer: Timer;
  const again = (): void => {
    timer = engine.clock.schedule(pause, () => {
      attempt = engine.store.open().catch((error: unknown) => {
        engine.reporter.error({ key: undefined }, 'connect', error);
        if (isProgrammingError(error)) {
          engine.reporter.warn('opening', `the store cannot be opened and is not tried again: ${String(error)}`);
          return;
        }
        pause = Math.min(pause * 2, LONGEST_PAUSE);
        if (state === 'trying') again();
      });
    });
  };
  again();
  return {
    async stop() {
      state = 'stopped';
      timer.cancel();
      await attempt;
    },
  };
}
