import { serve } from '../../support/worker-protocol.js';

console.log('a line that is no answer');

serve({
  echo: (argument) => argument,
  pid: () => process.pid,
  fail: () => {
    throw Object.assign(new RangeError('out of range'), { code: 'TOO_FAR' });
  },
  die: () => {
    process.stderr.write('last words\n');
    process.exit(3);
  },
});
