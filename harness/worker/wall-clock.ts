/** This process's wall clock, set off from the machine's: what a wrong NTP server does, and what no decision may depend on. */

const RealDate = Date;
let offset = 0;

class ShiftedDate extends RealDate {
  constructor(...given: readonly unknown[]) {
    super(...((given.length === 0 ? [RealDate.now() + offset] : given) as ConstructorParameters<typeof Date>));
  }

  static override now(): number {
    return RealDate.now() + offset;
  }
}

/** Sets the wall clock off by `ms` from now on. */
export function shiftWallClock(ms: number): void {
  offset = ms;
  globalThis.Date = ShiftedDate as DateConstructor;
}
