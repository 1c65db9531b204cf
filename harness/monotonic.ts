/**
 * The harness's common clock: milliseconds of CLOCK_MONOTONIC, which all processes of one machine share (on Linux). An instant taken in one
 * process can be compared with one taken in another; no wall clock is.
 */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}

/** Measures how long this process waited for the processor: what its timers were late, added up. Answers the sum when it is called. */
export function watchLateness(): () => number {
  const every = 20;
  let last = now();
  let late = 0;
  const timer = setInterval(() => {
    const at = now();
    late += Math.max(0, at - last - every);
    last = at;
  }, every);
  return () => {
    clearInterval(timer);
    return late;
  };
}

/** Resolves after `ms` milliseconds. */
export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
