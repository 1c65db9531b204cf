/**
 * The harness's common clock: milliseconds of CLOCK_MONOTONIC, which all processes of one machine share (on Linux). An instant taken in one
 * process can be compared with one taken in another; no wall clock is.
 */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}

/** Resolves after `ms` milliseconds. */
export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
