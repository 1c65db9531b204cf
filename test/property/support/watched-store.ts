/** The store as the engine's model sees it: slow and unreliable as the scenario says, and everything it carries out written down. */
import { StoreError } from '../../../src/errors.js';
import type { EntryWrite, LoadToken, Store } from '../../../src/ports/store.js';
import { type Change, KEYS, type Moment, type Origin } from './engine-history.js';
import type { ModelWorld, Process } from './engine-parts.js';

/** Stands between a process's engine and its store. */
export function watchedStore(world: ModelWorld, process: Pick<Process, 'index' | 'fault'>, inner: Store): Store {
  const { history } = world;

  /** Carries out a call: late on the way there, late on the way back, refused or without an answer. */
  async function run<T>(label: string, act: () => Promise<T>): Promise<T> {
    const whole = `${label} (process ${process.index})`;
    await world.pass('store', `${whole} arrives`);
    if (process.fault.now === 'refused') throw new StoreError('refused', { outcome: 'failed' });
    const answer = await act();
    await world.pass('store', `${whole} is answered`);
    if (process.fault.now === 'lost') throw new StoreError('lost', { outcome: 'unknown' });
    return answer;
  }

  /** The change a call of the store is about: the oldest of that description that has not been asked yet. */
  function asked(signature: string): Change | undefined {
    const change = history.changes.find(
      (one) => one.process === process.index && one.signature === signature && one.asked === 'not yet',
    );
    if (change !== undefined) change.asked = 'asked';
    return change;
  }

  async function commit<T>(change: Change | undefined, act: () => Promise<T>): Promise<T> {
    const at = history.tick();
    const answer = await act();
    if (change !== undefined) history.committed(change, at);
    return answer;
  }

  const { leases } = inner;
  /** When a token was taken: what was written after that is not what its load failed to replace. */
  const taken = new WeakMap<LoadToken, Moment>();
  const slow = world.scenario.leases === 'slow';
  const ask = <T>(label: string, act: () => Promise<T>): Promise<T> => (slow ? run(label, act) : act());

  return {
    kind: 'watched',
    ...(leases !== undefined && {
      leases: {
        acquire: (id, ms) => ask(`acquire ${id}`, () => leases.acquire(id, ms)),
        renew: (ids, ms) => ask(`renew ${ids.join()}`, () => leases.renew(ids, ms)),
        release: (id) => ask(`release ${id}`, () => leases.release(id)),
      },
    }),
    open: () => inner.open(),
    close: () => inner.close(),
    read: (id) =>
      run(`read ${id}`, async () => {
        const at = history.tick();
        const read = await inner.read(id);
        const { entry, token } = read;
        taken.set(token, at);
        const origin = entry && originOf(world, entry);
        if (entry !== undefined && origin !== undefined)
          history.read(origin, entry.remaining.fresh > 0 ? 'fresh' : 'stale', at);
        return read;
      }),
    touch: (id) => run(`touch ${id}`, () => inner.touch(id)),
    set(write) {
      const origin = originOf(world, write);
      const change = asked(`set ${origin?.id}`);
      return run(`set ${origin?.id}`, () => {
        if (origin !== undefined) history.written(origin, history.tick());
        return commit(change, () => inner.set(write));
      });
    },
    setIfAbsent: (write) => run(`setIfAbsent ${write.id}`, () => inner.setIfAbsent(write)),
    list: (request) => run(`list ${request.like}`, () => inner.list(request)),
    fill(write, token) {
      const origin = originOf(world, write);
      return run(`fill ${origin?.id}`, async () => {
        const at = history.tick();
        const result = await inner.fill(write, token);
        world.say(`  fill ${origin?.id}: ${result.status === 'stored' ? 'stored' : result.reason}`);
        if (result.status === 'stored' && origin !== undefined) history.filled(origin, at);
        return result;
      });
    },
    delete(id) {
      const change = asked(`delete ${id}`);
      return run(`delete ${id}`, () => commit(change, () => inner.delete(id)));
    },
    invalidate(names, kind) {
      const change = asked(`invalidate ${names.join()}`);
      return run(`invalidate ${names.join()}`, () => commit(change, () => inner.invalidate(names, kind)));
    },
    postpone(id, ms, token, what) {
      return run(`postpone ${id}`, async () => {
        await inner.postpone(id, ms, token, what);
        const key = KEYS.find((one) => one === id);
        if (key !== undefined) history.postponed({ key, what, process: 'all', since: taken.get(token)?.seq ?? 0 });
      });
    },
  };
}

/** Where an encoded value comes from. */
function originOf(world: ModelWorld, { encoded }: Pick<EntryWrite, 'encoded'>): Origin | undefined {
  const { body } = encoded;
  const id = /"id":(\d+)/.exec(typeof body === 'string' ? body : new TextDecoder().decode(body))?.[1];
  return id === undefined ? undefined : world.history.origins.get(Number(id));
}
