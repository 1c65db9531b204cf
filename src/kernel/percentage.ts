/** Percentages: `'80%'` as a share, for the options that take one beside a duration. */

/** Digits, a fraction if any, and the sign; blanks before the sign are forgiven, as they are before a unit. */
const PERCENTAGE = /^(\d+\.?\d*|\.\d+) *%$/;

/** Whether a value is meant as a percentage, a wrong one included: its message should speak of percentages. */
export function isPercentage(input: unknown): boolean {
  return typeof input === 'string' && input.trimEnd().endsWith('%');
}

/**
 * The share a percentage names, or undefined when the value is not one. Not bounded: what is allowed is up to the option.
 *
 * @example parsePercentage('80%') // 0.8
 */
export function parsePercentage(input: unknown): number | undefined {
  const digits = typeof input === 'string' ? PERCENTAGE.exec(input)?.[1] : undefined;
  return digits === undefined ? undefined : Number(digits) / 100;
}
