import { describe, expect, it } from 'vitest';
import { startEmbedded } from '../../../src/embedded/server.js';

describe('options of the embedded server', () => {
  it.each([0, -1, 65_536, 1.5, Number.NaN])('refuses the port %s before anything starts', async (port) => {
    await expect(startEmbedded({ port })).rejects.toMatchObject({
      name: 'ConfigurationError',
      code: 'INVALID_OPTION',
      message: `Expected \`embedded.port\` to be a whole number from 1 to 65535, got \`${port}\` (number)`,
    });
  });

  it('refuses an empty directory name', async () => {
    await expect(startEmbedded({ directory: '' })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: 'Expected `embedded.directory` to be the path of a folder, got `` (string)',
    });
  });
});
