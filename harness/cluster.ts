/** The workers of one run, what stands between them and the server, and the checker that hears them. */
import { TcpProxy } from '../test/support/tcp-proxy.js';
import { Checker } from './check/checker.js';
import { BrokenSubject } from './controls/broken-subject.js';
import { now } from './monotonic.js';
import { Histogram } from './report/histogram.js';
import type { HarnessServer } from './server.js';
import { type Report, type Totals, type WorkerSetup, WRITE_KINDS, type WriteKind } from './worker/protocol.js';
import { Source } from './worker/source.js';
import { type WorkerListener, WorkerProcess } from './worker-process.js';

/** What all workers of a run have in common. */
export type ClusterSetup = Pick<
  WorkerSetup,
  'subject' | 'schema' | 'keys' | 'readers' | 'writers' | 'localLease' | 'loadDeadline' | 'sweepEvery' | 'writePause'
> & {
  readonly seed: number;
  readonly processes: number;
  /** `proxied`: every worker's connections go through proxies of its own. */
  readonly network: 'direct' | 'proxied';
  /** How far each process's wall clock is off, in milliseconds. */
  readonly skew: (worker: number) => number;
};

/** One process, and the network between it and the server. */
export interface Member {
  process: WorkerProcess;
  /** Undefined on a direct network. */
  readonly pool: TcpProxy | undefined;
  readonly listen: TcpProxy | undefined;
}

export class Cluster implements WorkerListener {
  readonly server: HarnessServer;
  readonly setup: ClusterSetup;
  checker: Checker;
  readonly members: Member[] = [];
  /** Totals of the processes that run, and of those that were killed. */
  readonly #totals = new Map<WorkerProcess, Totals>();
  readonly #byWorker = new Map<number, WorkerProcess>();
  #generation = 0;
  #writes: readonly WriteKind[] = WRITE_KINDS;

  private constructor(server: HarnessServer, setup: ClusterSetup) {
    this.server = server;
    this.setup = setup;
    this.checker = new Checker({ localLease: setup.localLease, workers: setup.processes });
  }

  /** Makes the schema and starts the workers. */
  static async start(server: HarnessServer, setup: ClusterSetup): Promise<Cluster> {
    const cluster = new Cluster(server, setup);
    const { schema } = setup;
    const client = await server.connect();
    try {
      await client.query(`drop schema if exists ${schema} cascade`);
      await client.query(`create schema ${schema}`);
      await Source.create(client, schema, setup.keys);
      if (setup.subject !== 'keepsake') await BrokenSubject.create(client, schema);
    } finally {
      await client.end();
    }
    await server.openTo(schema);
    for (let worker = 0; worker < setup.processes; worker += 1) {
      const proxied = setup.network === 'proxied';
      const pool = proxied ? await TcpProxy.start(server.url) : undefined;
      const listen = proxied ? await TcpProxy.start(server.url) : undefined;
      const process = await cluster.#startWorker(worker, pool, listen);
      cluster.members.push({ process, pool, listen });
    }
    return cluster;
  }

  /** Kills a process and starts another in its place. */
  async replace(worker: number): Promise<void> {
    const member = this.member(worker);
    await member.process.kill();
    this.checker.leave(worker);
    member.process = await this.#startWorker(worker, member.pool, member.listen);
    this.checker.join(worker, now());
    await member.process.send('start', { writes: this.#writes });
  }

  /** The channel on which its processes tell each other. */
  get channel(): string {
    return `${this.setup.schema}-news`;
  }

  member(worker: number): Member {
    const member = this.members[worker];
    if (member === undefined) throw new RangeError(`There is no worker ${worker}`);
    return member;
  }

  /** The last member, which faults are done to. */
  get victim(): Member {
    return this.member(this.members.length - 1);
  }

  /** Begins the load, with a new history. */
  async begin(writes: readonly WriteKind[]): Promise<void> {
    this.#writes = writes;
    this.#totals.clear();
    this.checker = new Checker({ localLease: this.setup.localLease, workers: this.setup.processes });
    await Promise.all(this.members.map(({ process }) => process.send('start', { writes })));
  }

  /** Ends the load; resolves when everything under way has ended and was told. */
  async end(): Promise<void> {
    await Promise.all(this.members.map(({ process }) => process.send('stop', null)));
  }

  report(worker: number, { obligations, reads, totals, until }: Report): void {
    for (const obligation of obligations) this.checker.oblige({ ...obligation, worker });
    for (const read of reads) this.checker.read({ ...read, worker });
    const process = this.#byWorker.get(worker);
    if (process !== undefined) this.#totals.set(process, totals);
    this.checker.advance(worker, until);
  }

  violation(worker: number, text: string): void {
    this.checker.violate('27', `process ${worker}: ${text}`);
  }

  /** Sums over all processes there were. */
  totals(): Omit<Totals, 'latency'> & { readonly latency: Histogram } {
    const latency = new Histogram();
    const sums = { reads: 0, writes: 0, rolledBack: 0, failedLoads: 0, loads: 0, localHits: 0 };
    const more = { sharedHits: 0, stale: 0, bypassed: 0, gaps: 0, stall: 0 };
    for (const totals of this.#totals.values()) {
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += totals[name];
      for (const name of Object.keys(more) as (keyof typeof more)[]) {
        more[name] = name === 'stall' ? Math.max(more.stall, totals.stall) : more[name] + totals[name];
      }
      latency.addAll(totals.latency);
    }
    return { ...sums, ...more, latency };
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map(({ process }) => process.close()));
    for (const { pool, listen } of this.members) {
      await pool?.close();
      await listen?.close();
    }
  }

  async #startWorker(worker: number, pool: TcpProxy | undefined, listen: TcpProxy | undefined): Promise<WorkerProcess> {
    this.#generation += 1;
    const { url, cacheUrl } = this.server;
    const { processes: _processes, network: _network, skew, seed, ...shared } = this.setup;
    const setup: WorkerSetup = {
      ...shared,
      worker,
      skew: skew(worker),
      seed: seed * 100 + this.#generation,
      connection: pool?.url(cacheUrl) ?? cacheUrl,
      listenConnection: listen?.url(cacheUrl) ?? cacheUrl,
      source: url,
      channel: this.channel,
    };
    const started = await WorkerProcess.start(setup, this);
    this.#byWorker.set(worker, started);
    return started;
  }
}
