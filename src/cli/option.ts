/** Options of a command line. */

/** An option that is a command's own. */
export interface OptionSpec {
  readonly type: 'boolean' | 'string';
  /** What stands for its value in the help, such as `<url>`. */
  readonly placeholder?: string;
  /** A line of the help. */
  readonly summary: string;
}

/** A command line that cannot be understood; its message holds nothing that may be a secret. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
