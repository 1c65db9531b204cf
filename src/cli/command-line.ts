/** The command line: which command was meant, what it is given, and what its failure looks like. */
import { parseArgs } from 'node:util';
import { KeepsakeError } from '../errors.js';
import { closestName } from '../kernel/closest-name.js';
import type { Command, ExitStatus } from './command.js';
import { doctorCommand } from './commands/doctor.js';
import { migrateCommand } from './commands/migrate.js';
import { unwatchCommand } from './commands/unwatch.js';
import { watchCommand } from './commands/watch.js';
import { GENERAL_OPTIONS, helpOf } from './help.js';
import { type OptionSpec, UsageError } from './option.js';
import { hiderOf } from './secrets.js';
import { TARGET_OPTIONS, targetOf } from './target.js';
import { ownVersion } from './versions.js';

/** Every command, in the order of the help. */
const COMMANDS: readonly Command[] = [migrateCommand, doctorCommand, watchCommand, unwatchCommand];

/** The world around a command line. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly print: (line: string) => void;
  readonly printError: (line: string) => void;
}

/** Runs a command line, without the names of the program; never rejects. */
export async function runCommandLine(args: readonly string[], surroundings: Surroundings): Promise<ExitStatus> {
  const { env, print, printError } = surroundings;
  const hide = hiderOf([...args, env['DATABASE_URL']]);
  try {
    return await run(args, { env, print: (line) => print(hide(line)), printError });
  } catch (error) {
    if (error instanceof UsageError) {
      printError(hide(`keepsake: ${error.message}\nTry: keepsake --help`));
      return 2;
    }
    printError(hide(`keepsake: ${describe(error)}`));
    return 1;
  }
}

async function run(args: readonly string[], { env, print }: Surroundings): Promise<ExitStatus> {
  const [first] = args;
  const command = COMMANDS.find(({ name }) => name === first);
  const { values, all, positionals } = parse(command === undefined ? args : args.slice(1), command?.options ?? {});
  if (values['version'] === true) {
    print(ownVersion());
    return 0;
  }
  if (values['help'] === true || args.length === 0) {
    print(helpOf(COMMANDS, command));
    return args.length === 0 ? 2 : 0;
  }
  if (command === undefined) throw unknownCommand(positionals[0]);
  const { least, most } = command.operands;
  if (positionals.length < least || positionals.length > most) {
    // They are not repeated: a URL that lost its option would show its password.
    const expected = most === 0 ? 'nothing' : `\`${command.usage}\``;
    throw new UsageError(`Expected ${expected} after \`${command.name}\`, got ${positionals.length} words`);
  }
  return await command.run({ target: targetOf(values, env), options: values, all, operands: positionals, print });
}

type Values = Readonly<Record<string, string | boolean | undefined>>;

function parse(
  args: readonly string[],
  own: Readonly<Record<string, OptionSpec>>,
): { values: Values; all: (option: string) => readonly string[]; positionals: string[] } {
  const known: Readonly<Record<string, OptionSpec>> = { ...own, ...TARGET_OPTIONS, ...GENERAL_OPTIONS };
  const options = Object.fromEntries(Object.entries(known).map(([name, { type }]) => [name, { type }]));
  const { tokens, positionals } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, string | boolean | undefined> = {};
  const lists = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, value } = token;
    const spec = Object.hasOwn(known, name) ? known[name] : undefined;
    if (spec === undefined) throw unknownOption(name, Object.keys(known));
    if (spec.type === 'string' && (value === undefined || value.startsWith('--'))) {
      throw new UsageError(`Expected \`--${name}\` to be followed by ${spec.placeholder ?? 'a value'}`);
    }
    if (spec.type === 'boolean' && value !== undefined) throw new UsageError(`Expected \`--${name}\` without a value`);
    values[name] = value ?? true;
    if (value !== undefined) lists.set(name, [...(lists.get(name) ?? []), value]);
  }
  return { values, all: (option) => lists.get(option) ?? [], positionals };
}

/** What was given, where it cannot be a secret. */
const HARMLESS = /^[a-z-]{1,20}$/;

function unknownOption(given: string, known: readonly string[]): UsageError {
  if (!HARMLESS.test(given)) return new UsageError('There is no such option');
  return new UsageError(`There is no option \`--${given}\`${hint(given, known, '--')}`);
}

function unknownCommand(given: string | undefined): UsageError {
  if (given === undefined) return new UsageError('Which command?');
  if (!HARMLESS.test(given)) return new UsageError('The first word is no command');
  return new UsageError(
    `There is no command \`${given}\`${hint(
      given,
      COMMANDS.map(({ name }) => name),
      '',
    )}`,
  );
}

function hint(given: string, known: readonly string[], dashes: string): string {
  const close = closestName(given, known);
  return close === undefined ? '' : `, did you mean \`${dashes}${close}\`?`;
}

function describe(error: unknown): string {
  if (error instanceof KeepsakeError) return `${error.message} (${error.code})`;
  return error instanceof Error ? error.message : String(error);
}
