/** What the linters of packages say about a tarball, and how much of it a program loads. */
import { readFile } from 'node:fs/promises';
import { dirname, posix } from 'node:path';
import { gzipSync } from 'node:zlib';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

/** The old resolution knows no `exports`; what `require` resolves to are ES modules, which every version of Node we support takes. */
const MEANT: ReadonlySet<string> = new Set(['node10', 'CJSResolvesToESM']);

/** Are the types wrong? Each problem in a line. */
export async function wrongTypes(tarball: string): Promise<readonly string[]> {
  const answer = await checkPackage(createPackageFromTarballData(new Uint8Array(await readFile(tarball))));
  if (answer.types === false) return ['the package has no types'];
  return answer.problems
    .map((problem) => JSON.stringify(problem))
    .filter((line) => ![...MEANT].some((meant) => line.includes(`"${meant}"`)));
}

/** What publint says, suggestions included. */
export async function publintMessages(tarball: string): Promise<readonly string[]> {
  const file = await readFile(tarball);
  const data = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball: data }, strict: true });
  return messages.map((message) => formatMessage(message, pkg) ?? message.code);
}

interface Size {
  readonly modules: number;
  readonly bytes: number;
  readonly zipped: number;
}

/** The modules of its own that importing one of a package loads, without what is loaded later, on demand. */
export async function sizeOf(entrance: string, read: (path: string) => Promise<string>): Promise<Size> {
  const texts = new Map<string, string>();
  const waiting = [entrance];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (texts.has(path)) continue;
    const text = await read(path);
    texts.set(path, text);
    for (const [, target = ''] of text.matchAll(/^(?:import|export)\b[^;]*?from '(\.[^']+)'/gm)) {
      waiting.push(posix.join(dirname(path), target));
    }
  }
  const all = [...texts.values()].join('');
  return { modules: texts.size, bytes: Buffer.byteLength(all), zipped: gzipSync(all).length };
}
