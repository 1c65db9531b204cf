/** The fake clock that users get too. */
export { FakeClock } from '../../src/testing/fake-clock.js';
