/**
 * Every error of Keepsake. One base, a stable `code`, the subject in the message and the cause kept.
 * Messages never contain credentials or cached values.
 */

/** Stable identifiers, safe to switch on; they never change between minor versions. */
export type KeepsakeErrorCode =
  | 'INVALID_OPTION'
  | 'INVALID_POLICY'
  | 'INVALID_KEY'
  | 'INVALID_KEY_TEMPLATE'
  | 'INVALID_DECORATION'
  | 'UNSUPPORTED_ARGUMENT'
  | 'MISSING_KEY_VALUE'
  | 'UNENCODABLE_VALUE'
  | 'UNDECODABLE_VALUE'
  | 'VALUE_TOO_LARGE'
  | 'STORE_FAILED'
  | 'NESTED_TRANSACTION'
  | 'FOREIGN_TRANSACTION'
  | 'WITHIN_TRANSACTION'
  | 'UNMATCHED_RESULT'
  | 'NOT_A_COUNTER'
  | 'COUNTER_OVERFLOW'
  | 'LOCK_TIMEOUT'
  | 'LOCK_LOST'
  | 'UNSUPPORTED_BY_STORE'
  | 'NOTHING_AT_HAND'
  | 'LOAD_TIMEOUT'
  | 'LOAD_ABANDONED'
  | 'ALREADY_CONFIGURED'
  | 'NOT_CONFIGURED'
  | 'CACHE_CLOSED'
  | 'MISSING_PEER'
  | 'FOREIGN_TABLE'
  | 'MISSING_SCHEMA'
  | 'MISSING_RIGHT'
  | 'AUTHENTICATION_FAILED'
  | 'SERVER_IN_RECOVERY'
  | 'UNSUPPORTED_SERVER'
  | 'EMBEDDED_FAILED';

/** The base of all errors thrown by Keepsake: `error instanceof KeepsakeError` tells them from your own. */
export class KeepsakeError extends Error {
  override readonly name: string = 'KeepsakeError';
  readonly code: KeepsakeErrorCode;

  constructor(code: KeepsakeErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Configuration, a policy, a key template or a decoration that can never work; thrown where it is given. */
export class ConfigurationError extends KeepsakeError {
  override readonly name = 'ConfigurationError';
}

/** A key that cannot be built or stored: a missing value, an argument without a canonical form, a NUL character. */
export class KeyError extends KeepsakeError {
  override readonly name = 'KeyError';
}

/** A value that a codec cannot write or read. */
export class CodecError extends KeepsakeError {
  override readonly name = 'CodecError';
}

/**
 * The store failed a call that carries correctness (`set`, `delete`, `expire`, `invalidateTags`, ...).
 * `outcome` is `'failed'` when nothing happened, `'unknown'` when the statement may have been carried out.
 */
export class StoreError extends KeepsakeError {
  override readonly name = 'StoreError';
  readonly outcome: 'failed' | 'unknown';
  /** `'call'`: what was to be stored is at fault, and other calls may succeed. Else `'store'`; several in a row open the breaker. */
  readonly blame: 'store' | 'call';

  constructor(
    message: string,
    options: { outcome: 'failed' | 'unknown'; blame?: 'store' | 'call' | undefined; cause?: unknown },
  ) {
    super('STORE_FAILED', message, 'cause' in options ? { cause: options.cause } : undefined);
    this.outcome = options.outcome;
    this.blame = options.blame ?? 'store';
  }
}

/** A loader did not answer within `hardTimeout` (code `LOAD_TIMEOUT`), or was given up at `loadDeadline` (`LOAD_ABANDONED`). */
export class LoadTimeoutError extends KeepsakeError {
  override readonly name = 'LoadTimeoutError';
}

/** A loader of many values returned what does not fit what it was asked for (code `UNMATCHED_RESULT`); nothing of it was stored. */
export class LoadResultError extends KeepsakeError {
  override readonly name = 'LoadResultError';

  constructor(message: string, options?: { cause?: unknown }) {
    super('UNMATCHED_RESULT', message, options);
  }
}

/** A counter could not be changed: its entry holds no whole number (`NOT_A_COUNTER`), or the result would be too large (`COUNTER_OVERFLOW`). */
export class CounterError extends KeepsakeError {
  override readonly name = 'CounterError';
}

/** A lock was not to be had within `wait` (`LOCK_TIMEOUT`), or expired under its holder (`LOCK_LOST`: the reason of its `lost` signal). */
export class LockError extends KeepsakeError {
  override readonly name = 'LockError';
}
