/** What functions and methods ask for beside their values: a load now, their result put under a key, keys by hand. */
import { keyTag } from '../../keys/key-tag.js';
import type { Call } from '../call.js';
import { putResult } from '../put.js';
import { SingleEntries } from './single-entries.js';

export abstract class MethodCalls extends SingleEntries {
  /**
   * A key written by hand, with the escaping of key templates: no value can make the key of another.
   *
   * @throws KeyError for a value that is undefined, null or has no text
   * @example await Cache.delete(Cache.key`product:${id}`)
   */
  key(literals: TemplateStringsArray, ...values: readonly unknown[]): string {
    return keyTag(literals, ...values);
  }

  /** Loads now, whatever is stored. @internal */
  async loadAnew(call: Call): Promise<unknown> {
    this.assertOpen();
    return await this.reads.loadAnew(this.#own(call));
  }

  /** What `@CachePut` does. @internal */
  putResult(call: Call, condition: 'met' | 'unmet'): Promise<unknown> {
    this.assertOpen();
    return putResult(this.engine, this.#own(call), condition);
  }

  #own(call: Call): Call {
    const key = this.keyOf(call.key);
    return key === call.key ? call : call.under(key);
  }
}
