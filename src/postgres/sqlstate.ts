/**
 * SQLSTATEs and what they mean here: the one place where failures of PostgreSQL and of the connection to it are
 * classified. Source: PostgreSQL documentation, appendix "PostgreSQL Error Codes".
 */
import { ConfigurationError, KeepsakeError, type KeepsakeErrorCode, StoreError } from '../errors.js';

/** Codes that are looked at one by one; classes of codes are matched by their first two characters. */
export const SqlState = {
  protocolViolation: '08P01',
  invalidPassword: '28P01',
  invalidAuthorization: '28000',
  invalidStatementName: '26000',
  duplicatePreparedStatement: '42P05',
  featureNotSupported: '0A000',
  invalidCatalogName: '3D000',
  invalidSchemaName: '3F000',
  insufficientPrivilege: '42501',
  undefinedTable: '42P01',
  undefinedColumn: '42703',
  undefinedFunction: '42883',
  serializationFailure: '40001',
  deadlockDetected: '40P01',
  readOnlyTransaction: '25006',
} as const;

/** Failures of one row's data: invalid text, a violated constraint, a value beyond a limit. Its neighbours are fine. */
const DATA_CLASSES: ReadonlySet<string> = new Set(['22', '23', '54']);

/** What waiting cannot mend, and what it is called. */
const CONFIGURATION: ReadonlyMap<string, readonly [KeepsakeErrorCode, string]> = new Map([
  [SqlState.invalidPassword, ['AUTHENTICATION_FAILED', 'PostgreSQL refused the user or password']],
  [SqlState.invalidAuthorization, ['AUTHENTICATION_FAILED', 'PostgreSQL refused the user']],
  [SqlState.invalidCatalogName, ['MISSING_SCHEMA', 'The database does not exist']],
  [SqlState.invalidSchemaName, ['MISSING_SCHEMA', 'The schema does not exist']],
  [SqlState.insufficientPrivilege, ['MISSING_RIGHT', 'The role lacks a right']],
  [SqlState.undefinedTable, ['MISSING_SCHEMA', 'A table of Keepsake does not exist']],
  [SqlState.undefinedColumn, ['MISSING_SCHEMA', 'A column of Keepsake does not exist']],
]);

/** The SQLSTATE an error carries, its own or that of the error it wraps. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code: unknown = 'code' in error ? error.code : undefined;
  // Errors of sockets carry codes too (ECONNREFUSED); a SQLSTATE has five characters and comes with a severity.
  if (typeof code === 'string' && code.length === 5 && 'severity' in error) return code;
  return error.cause === undefined ? undefined : sqlState(error.cause);
}

/** Whether the data of one row is at fault, so that the rest of its batch deserves another try. */
export function isDataError(error: unknown): boolean {
  return DATA_CLASSES.has(sqlState(error)?.slice(0, 2) ?? '');
}

/** Whether PostgreSQL rolled back and asks to try again. */
export function isTransient(error: unknown): boolean {
  const state = sqlState(error);
  return state === SqlState.serializationFailure || state === SqlState.deadlockDetected;
}

/** Whether a prepared statement is not (or twice) where the driver believes it, as behind a transaction pooler. */
export function isPreparedStatementLost(error: unknown): boolean {
  const state = sqlState(error);
  return state === SqlState.invalidStatementName || state === SqlState.duplicatePreparedStatement;
}

/**
 * Whether the connection is of no more use: it broke, or the server ended it. An error of a statement leaves it
 * usable.
 */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (sqlState(error) === undefined) return true;
  return 'severity' in error && error.severity !== 'ERROR';
}

/** An `ERROR` rolled its statement back; a lost connection says nothing about what it was doing. */
export function outcomeOf(error: unknown): 'failed' | 'unknown' {
  return isConnectionLost(error) ? 'unknown' : 'failed';
}

/**
 * The ConfigurationError for what waiting cannot mend, undefined for everything else. Messages name SQLSTATEs, never
 * values.
 */
export function configurationErrorOf(error: unknown, subject: string): ConfigurationError | undefined {
  if (error instanceof ConfigurationError) return error;
  const state = sqlState(error);
  if (state === undefined) {
    // The driver itself refuses to log in without a password, or with one the server did not prove to know.
    const refused = error instanceof Error && error.message.startsWith('SASL');
    return refused
      ? new ConfigurationError('AUTHENTICATION_FAILED', `${subject}: PostgreSQL asks for a password`, { cause: error })
      : undefined;
  }
  const known = CONFIGURATION.get(state);
  if (known === undefined) return undefined;
  const detail = error instanceof Error && state !== SqlState.invalidPassword ? `: ${error.message}` : '';
  return new ConfigurationError(known[0], `${subject}: ${known[1]} (SQLSTATE ${state})${detail}`, { cause: error });
}

/** The StoreError for a failed call; one that already is one stays as it is. */
export function storeErrorOf(error: unknown, subject: string, outcome: 'failed' | 'unknown'): StoreError {
  if (error instanceof StoreError) return error;
  const blame = isDataError(error) ? 'call' : 'store';
  return new StoreError(`${subject}: ${describe(error)}`, { outcome, blame, cause: error });
}

function describe(error: unknown): string {
  if (error instanceof KeepsakeError) return error.message;
  const state = sqlState(error);
  if (state !== undefined) return `PostgreSQL answered SQLSTATE ${state}`;
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? `the connection failed (${code})` : 'the connection failed';
}
