/** What `keepsake --help` prints. */
import type { Command } from './command.js';
import type { OptionSpec } from './option.js';
import { TARGET_OPTIONS } from './target.js';

/** Of the whole, or of one command. */
export function helpOf(commands: readonly Command[], command?: Command): string {
  if (command === undefined) {
    return [
      'Usage: keepsake <command> [options]',
      section(
        'Commands',
        commands.map((one) => [`${one.name} ${one.usage}`.trim(), one.summary]),
      ),
      section('Options', [...rowsOf(TARGET_OPTIONS), ...rowsOf(GENERAL_OPTIONS)]),
      'Ends with status 0 when all is well, 1 when something failed or is wrong, 2 when the command line cannot be understood.',
    ].join('\n\n');
  }
  return [
    `Usage: keepsake ${command.name} ${command.usage}`.trim(),
    `${command.summary[0]?.toUpperCase() ?? ''}${command.summary.slice(1)}.`,
    section('Options', [...rowsOf(command.options), ...rowsOf(TARGET_OPTIONS), ...rowsOf(GENERAL_OPTIONS)]),
  ].join('\n\n');
}

export const GENERAL_OPTIONS = {
  help: { type: 'boolean', summary: 'this text, or that of a command' },
  version: { type: 'boolean', summary: 'the version of keepsake' },
} as const satisfies Readonly<Record<string, OptionSpec>>;

function rowsOf(options: Readonly<Record<string, OptionSpec>>): readonly (readonly [string, string])[] {
  return Object.entries(options).map(([name, { placeholder, summary }]) => [
    placeholder === undefined ? `--${name}` : `--${name} ${placeholder}`,
    summary,
  ]);
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return [`${title}:`, ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)].join('\n');
}
