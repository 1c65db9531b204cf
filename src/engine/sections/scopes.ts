/** Scopes: how the cached calls of one asynchronous context use the cache. */
import {
  ANEW,
  accessBeside,
  type Bypass,
  EVERYTHING,
  NOTHING,
  restricted,
  runWithAccess,
  scopedAccess,
} from '../call-scope.js';
import { MethodCalls } from './method-calls.js';

export abstract class Scopes extends MethodCalls {
  /**
   * Runs `run` with caching on, in a cache configured with `scope: 'opt-in'` or inside of `disable`. Answers what `run` answers.
   *
   * A scope is the asynchronous context of `run`: everything it starts is in it, what runs beside it is not. It concerns calls of cached
   * methods, `get` and `getOrSet` of this cache. Explicit writes and invalidations act in every scope.
   *
   * @example await Cache.enable(() => handle(request))
   */
  enable<T>(run: () => T): T {
    return runWithAccess(this.engine, EVERYTHING, run);
  }

  /**
   * Runs `run` with caching off: methods run, nothing is found and nothing kept. Answers what `run` answers.
   *
   * @example const exact = await Cache.disable(() => reports.total())
   */
  disable<T>(run: () => T): T {
    return runWithAccess(this.engine, NOTHING, run);
  }

  /**
   * Runs `run` without a part of the cache: `read` (loaders run, what they load is kept), `write` (what is found is served, nothing is kept),
   * `local`, `shared` (only the other tier is used), or one direction of one tier. Inside of another scope it takes away further.
   *
   * @throws ConfigurationError `INVALID_OPTION` when nothing is left out
   * @example await Cache.bypass({ local: true }, () => prices.current('tea')) // what the shared tier says
   */
  bypass<T>(what: Bypass, run: () => T): T {
    const outer = scopedAccess(this.engine, this.engine.scope) ?? EVERYTHING;
    return runWithAccess(this.engine, narrowed(restricted(accessBeside(what), outer)), run);
  }

  /**
   * Runs `run` with every cached call loading anew and keeping what it has loaded: others find it. A call never takes a load that began
   * before it. The same as `bypass({ read: true }, run)`.
   *
   * @example await Cache.refresh(() => rates.rates('ecb'))
   */
  refresh<T>(run: () => T): T {
    const outer = scopedAccess(this.engine, this.engine.scope) ?? EVERYTHING;
    return runWithAccess(this.engine, narrowed(restricted(ANEW, outer)), run);
  }
}

/** Where nothing is left, calls run without the cache. */
function narrowed(access: ReturnType<typeof restricted>): ReturnType<typeof restricted> {
  return access.read === 'none' && access.write === 'none' ? NOTHING : access;
}
