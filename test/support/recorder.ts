/** The recorder that users get too. */
export { Recorder } from '../../src/testing/recorder.js';
