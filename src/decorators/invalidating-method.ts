/** An invalidating method: it runs, and when it has succeeded its tags are invalidated. */
import { DEFAULT_CACHE, findCache, isOpening } from '../engine/directory.js';
import type { ArgumentAdapters } from '../keys/argument-selection.js';
import { createTagBuilder, type TagBuilder } from '../keys/key-builder.js';
import { type Decoration, separation } from './decorations.js';
import type { DecoratedMethod, Method } from './method-decorator.js';
import { warnOnce } from './process-warnings.js';
import { type MethodInfo, standIn } from './replacement.js';
import { runMethod } from './run-method.js';
import { warnUnconfigured } from './unconfigured.js';
import { UseCaseName } from './use-case-name.js';

/** Options of `@InvalidateTags`. */
export interface InvalidationOptions {
  /** Tag templates, with the placeholders of keys. At least one. */
  readonly tags: readonly string[];
  /** `true`: entries may still be served if loading them fails, within their grace. Default `false`: never again. */
  readonly stale?: boolean | undefined;
  /** Which cache; default `'default'`. */
  readonly cache?: string | undefined;
  /** Names of the method's parameters, first to last, for builds that rename them. Default: those in its source text. */
  readonly params?: readonly string[] | undefined;
  /** By parameter or position, what arguments become before they are used in a tag: `{ id: String }`. Default: what they are. */
  readonly args?: ArgumentAdapters | undefined;
  /** Stable name for metrics and events; default `Class.method`. */
  readonly useCase?: string | undefined;
}

/** The tags of one call, and why others could not be made. */
interface MadeTags {
  readonly tags: readonly string[];
  readonly errors: readonly unknown[];
}

export class InvalidatingMethod implements Decoration {
  readonly role = 'invalidates';
  readonly decorators = '@InvalidateTags';
  /** The function that stands in for the method. */
  readonly replacement: Method;
  readonly #decorated: DecoratedMethod;
  readonly #options: InvalidationOptions;
  readonly #name: UseCaseName;
  /** One a tag, so that a tag that cannot be made keeps no other from being invalidated. */
  readonly #builders: readonly TagBuilder[];
  readonly written: Method;
  /** Templates of what it and those below it invalidate. */
  readonly #tagTemplates: readonly string[];

  /**
   * @param below what of ours stands on the method already: the same decorator (each invalidates for itself), or `@CachePut`
   * @throws ConfigurationError for tags that can never be made
   */
  constructor(decorated: DecoratedMethod, options: InvalidationOptions, below: Decoration | undefined) {
    this.#decorated = decorated;
    this.#options = options;
    this.#name = new UseCaseName(decorated);
    if (options.useCase !== undefined) this.#name.choose(options.useCase);
    this.written = below === undefined ? decorated.method : below.written;
    const others = below instanceof InvalidatingMethod ? below.#tagTemplates : [];
    this.#tagTemplates = [...new Set([...options.tags, ...others])];
    const naming = { params: options.params, args: options.args, useCase: this.useCase, fn: this.written };
    this.#builders = options.tags.map((tag) => createTagBuilder([tag], naming));
    this.replacement = standIn(decorated, this, this.#info(), (self, given) => this.#call(self, given));
  }

  get useCase(): string {
    return this.#name.text;
  }

  get member(): string {
    return this.#name.member;
  }

  async #call(self: unknown, args: readonly unknown[]): Promise<unknown> {
    this.#learn(self);
    const made = this.#makeTags(self, args);
    const result = await runMethod(this.#decorated.method, self, args, this.useCase);
    await this.#invalidate(made);
    return result;
  }

  #learn(self: unknown): void {
    if (this.#name.settled) return;
    const lesson = this.#name.learn(self, this.replacement);
    if (typeof lesson !== 'object' || lesson.coveredBy.role !== 'cached') return;
    warnOnce('KEEPSAKE_SEPARATED', this.useCase, separation(this.decorators, lesson.coveredBy));
  }

  #makeTags(self: unknown, args: readonly unknown[]): MadeTags {
    const tags: string[] = [];
    const errors: unknown[] = [];
    for (const builder of this.#builders) {
      try {
        tags.push(...builder.build(self, args));
      } catch (error) {
        errors.push(error);
      }
    }
    return { tags, errors };
  }

  async #invalidate({ tags, errors }: MadeTags): Promise<void> {
    const { cache: cacheName = DEFAULT_CACHE, stale } = this.#options;
    const cache = findCache(cacheName);
    if (cache === undefined) {
      if (!isOpening(cacheName)) warnUnconfigured(cacheName);
      return;
    }
    for (const error of errors) cache.reportInvalidationError({ key: undefined, useCase: this.useCase }, error);
    if (tags.length === 0) return;
    try {
      await cache.invalidateTagsSurely(tags, stale === true ? 'expire' : 'delete');
    } catch (error) {
      // Closed meanwhile; the method has done its work and its result counts.
      cache.reportInvalidationError({ key: undefined, useCase: this.useCase }, error);
    }
  }

  #info(): MethodInfo {
    const method = this;
    const { name, placement } = this.#decorated;
    const { cache = DEFAULT_CACHE } = this.#options;
    return {
      role: 'invalidates',
      name,
      placement,
      get useCase() {
        return method.useCase;
      },
      cache,
      key: undefined,
      tags: this.#tagTemplates,
    };
  }
}
