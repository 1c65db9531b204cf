/**
 * The policy table: run-time policies that operators change with SQL. Read as a whole, since one answer serves every use case, and taken
 * for a short time unless the stream tells of a change before.
 */
import type { Clock } from '../kernel/clock.js';
import { rampOver } from '../kernel/ramp.js';
import type { PolicyOverlay, PolicySource, ProvidedPolicy } from '../ports/policy-provider.js';
import type { Connections } from './connections.js';
import { policiesStatement } from './queries/policies.js';
import type { Row, Statement } from './statement.js';

/** What the trigger of the table logs. */
const CHANGED = 'p|';

/** The row that is meant for every use case without a row of its own, and lies beneath those that have one. */
const EVERY = '*';

/** How long what was read is taken, in milliseconds. */
const KEPT_FOR = 4_000;

interface Known {
  readonly at: number;
  readonly policies: ReadonlyMap<string, PolicyOverlay | null>;
}

export class PolicyTable implements PolicySource {
  readonly changedName = CHANGED;
  readonly #connections: Connections;
  readonly #statement: Statement;
  readonly #clock: Clock;
  #known: Known | undefined;
  #reading: Promise<Known> | undefined;

  constructor(connections: Connections, clock: Clock) {
    this.#connections = connections;
    this.#statement = policiesStatement(connections.tables);
    this.#clock = clock;
  }

  readonly provider = (useCase: string): ProvidedPolicy | Promise<ProvidedPolicy> => {
    const known = this.#known;
    if (known !== undefined && this.#clock.monotonic() - known.at < KEPT_FOR) return policyOf(known, useCase);
    return this.read().then((read) => policyOf(read, useCase));
  };

  forget(): void {
    this.#known = undefined;
    this.#reading = undefined;
  }

  /** Reads the table; those who come meanwhile wait for the same answer. */
  read(): Promise<Known> {
    if (this.#reading !== undefined) return this.#reading;
    const reading = this.#read();
    this.#reading = reading;
    const end = (): void => {
      if (this.#reading === reading) this.#reading = undefined;
    };
    reading.then(end, end);
    return reading;
  }

  async #read(): Promise<Known> {
    const at = this.#clock.monotonic();
    const rows = await this.#connections.executor.run(this.#statement, []);
    const known = { at, policies: new Map(rows.map(rowOf)) };
    this.#known = known;
    return known;
  }
}

function rowOf([useCase, enabled, local, shared, policy]: Row): [string, PolicyOverlay | null] {
  const ramp = {
    ...(local != null && { local: Number(local) }),
    ...(shared != null && { shared: Number(shared) }),
  };
  const rest = JSON.parse(policy ?? '{}') as PolicyOverlay;
  const overlay = Object.keys(ramp).length === 0 ? rest : { ...rest, ramp: { ...rest.ramp, ...ramp } };
  return [useCase ?? '', enabled === 't' || enabled === 'true' ? overlay : null];
}

function policyOf({ policies }: Known, useCase: string): ProvidedPolicy {
  const [own, every] = [policies.get(useCase), policies.get(EVERY)];
  if (own === undefined) return every;
  if (own === null || every == null) return own;
  return { ...every, ...own, ramp: rampOver(every.ramp, own.ramp) };
}
