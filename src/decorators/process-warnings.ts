/** Warnings of decorators: what is no error, and must not go unnoticed. */

type WarningCode = 'KEEPSAKE_UNCONFIGURED' | 'KEEPSAKE_DOUBTFUL_NAME' | 'KEEPSAKE_SAME_NAME' | 'KEEPSAKE_SEPARATED';

const given = new Set<string>();

/** Warns once per process, code and subject. */
export function warnOnce(code: WarningCode, subject: string, message: string): void {
  const warning = `${code} ${subject}`;
  if (given.has(warning)) return;
  given.add(warning);
  process.emitWarning(message, { type: 'KeepsakeWarning', code });
}
