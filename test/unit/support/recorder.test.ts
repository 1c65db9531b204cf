import { expect, it } from 'vitest';
import { Recorder } from '../../support/recorder.js';

const base = { cache: 'default', useCase: 'users', keyType: 'user', key: 'user:1' };

it('Recorder keeps events in order and finds those of a type', () => {
  const recorder = new Recorder();
  recorder.onEvent({ ...base, type: 'miss', durationMs: 3 });
  recorder.onEvent({ ...base, type: 'hit', tier: 'local', state: 'fresh', durationMs: 0 });
  recorder.onEvent({ ...base, type: 'miss', durationMs: 4 });
  expect(recorder.types).toEqual(['miss', 'hit', 'miss']);
  expect(recorder.of('miss').map(({ durationMs }) => durationMs)).toEqual([3, 4]);
  expect(recorder.of('hit')[0]?.tier).toBe('local');
  expect(recorder.count('bypass')).toBe(0);
  recorder.clear();
  expect(recorder.events).toEqual([]);
});
