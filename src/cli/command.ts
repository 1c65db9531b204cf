/** A command of `keepsake`: what each file of `commands` exports one of. */
import type { OptionSpec } from './option.js';
import type { Target } from './target.js';

/** `0`: done and well. `1`: something failed, or is wrong. `2`: the command line cannot be understood. */
export type ExitStatus = 0 | 1 | 2;

export interface Command {
  readonly name: string;
  /** What follows the name in the help, such as `[--sql]` or `<table>`. */
  readonly usage: string;
  /** A line of the help. */
  readonly summary: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** How many words may follow the name. */
  readonly operands: { readonly least: number; readonly most: number };
  run(invocation: Invocation): Promise<ExitStatus>;
}

/** What a command is given. */
export interface Invocation {
  readonly target: Target;
  /** The command's own options, as they were given; of repeated ones the last. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** Every value of an option that may be repeated, in order. */
  readonly all: (option: string) => readonly string[];
  readonly operands: readonly string[];
  /** Prints a line of the answer. */
  readonly print: (line: string) => void;
}
