/** Everything a benchmark may be asked to compare with. */
import { readFileSync } from 'node:fs';

export { openKeyv } from './keyv.js';
export { openLocalRivals } from './local.js';
export { openRedisRivals } from './redis.js';

const { dependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
};

/** Not every package exports its package.json, so it is looked for where it must be. */
export const versions = Object.fromEntries(
  Object.keys(dependencies).map((name) => {
    const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
    return [name, (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version];
  }),
);
