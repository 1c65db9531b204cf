/** Failures are classified in one place: what may be repeated, what is certain, and what waiting cannot mend. */
import { describe, expect, it } from 'vitest';
import { ConfigurationError, StoreError } from '../../src/errors.js';
import {
  configurationErrorOf,
  isConnectionLost,
  isDataError,
  isPreparedStatementLost,
  isTransient,
  outcomeOf,
  sqlState,
  storeErrorOf,
} from '../../src/postgres/sqlstate.js';

const answered = (code: string, severity = 'ERROR') =>
  Object.assign(new Error(`message of ${code}`), { code, severity });
const socket = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

describe('SQLSTATE', () => {
  it('is read from an answer of the server, also from a cause; codes of sockets are none', () => {
    expect(sqlState(answered('40001'))).toBe('40001');
    expect(sqlState(new Error('wrapped', { cause: answered('40001') }))).toBe('40001');
    expect([sqlState(socket('EPIPE')), sqlState(new Error('x')), sqlState('40001')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it.each([
    ['22021', 'data'],
    ['23514', 'data'],
    ['54000', 'data'],
    ['40001', 'transient'],
    ['40P01', 'transient'],
    ['26000', 'prepared'],
    ['42P05', 'prepared'],
    ['53200', 'none'],
    ['57014', 'none'],
    ['25006', 'none'],
  ])('%s: %s', (code, kind) => {
    const error = answered(code);
    const kinds = [
      isDataError(error) && 'data',
      isTransient(error) && 'transient',
      isPreparedStatementLost(error) && 'prepared',
    ].filter((found) => found !== false);
    expect(kinds).toEqual(kind === 'none' ? [] : [kind]);
    expect([isConnectionLost(error), outcomeOf(error)]).toEqual([false, 'failed']);
  });

  it.each([
    answered('57P01', 'FATAL'),
    answered('XX000', 'PANIC'),
    socket('ECONNRESET'),
    new Error('Connection terminated unexpectedly'),
  ])('the connection is lost, and with it the outcome: %s', (error) => {
    expect([isConnectionLost(error), outcomeOf(error)]).toEqual([true, 'unknown']);
  });

  it.each([
    ['28P01', 'AUTHENTICATION_FAILED'],
    ['28000', 'AUTHENTICATION_FAILED'],
    ['3D000', 'MISSING_SCHEMA'],
    ['3F000', 'MISSING_SCHEMA'],
    ['42P01', 'MISSING_SCHEMA'],
    ['42501', 'MISSING_RIGHT'],
  ])('%s is a wrong configuration: %s', (code, expected) => {
    const cause = answered(code, 'FATAL');
    const error = configurationErrorOf(cause, 'Cannot open');
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({ code: expected, cause, message: expect.stringContaining(code) });
  });

  it('a password that is asked for and not given is one too; outages are not', () => {
    const sasl = new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string');
    expect(configurationErrorOf(sasl, 'x')).toMatchObject({ code: 'AUTHENTICATION_FAILED' });
    for (const error of [answered('53300', 'FATAL'), answered('57P03', 'FATAL'), socket('ECONNREFUSED')]) {
      expect(configurationErrorOf(error, 'x')).toBeUndefined();
    }
  });

  it('a StoreError names the state, keeps the cause and shows no message that may hold values', () => {
    const cause = answered('22P02');
    const error = storeErrorOf(cause, 'The statement failed', 'failed');
    expect(error).toBeInstanceOf(StoreError);
    expect(error.message).toBe('The statement failed: PostgreSQL answered SQLSTATE 22P02');
    expect(error.cause).toBe(cause);
    expect(storeErrorOf(error, 'again', 'unknown')).toBe(error);
    expect(storeErrorOf(socket('ECONNREFUSED'), 'x', 'failed').message).toContain('ECONNREFUSED');
  });
});
