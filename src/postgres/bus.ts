/**
 * The bus over PostgreSQL: one dedicated connection that listens, and reads the log in heartbeats.
 *
 * NOTIFY is only a latency hint, the log is the truth: a heartbeat reads what entered the log since the previous heartbeat's whole
 * snapshot. It also proves that the connection is alive, which a half-open socket never denies by itself.
 *
 * After a connection was lost: LISTEN first, then a heartbeat that only takes a snapshot. What committed before that snapshot may have been
 * missed, so everything held is given up; what commits later is told, by a notification or by the next heartbeat.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Clock, Timer } from '../kernel/clock.js';
import { nameHash } from '../kernel/name-hash.js';
import type { Bus, BusHealth, BusListener } from '../ports/bus.js';
import { parsePayload } from './notification.js';
import type { Row, Statement } from './statement.js';

export interface PostgresBusOptions {
  /** Makes a client that is not connected yet; called for every attempt. */
  readonly connect: () => pg.Client;
  readonly delta: Statement;
  /** The channel's name, not quoted. */
  readonly channel: string;
  /** Sends a payload on the channel through another connection, to prove that this one hears others. */
  readonly echo: (payload: string) => Promise<void>;
  readonly clock: Clock;
  /** Milliseconds between heartbeats, and until one that is not answered counts as missed. */
  readonly every: number;
  readonly missedAfter: number;
  readonly onError: (error: unknown) => void;
}

/** A heartbeat that brings more names than this drops the local tier instead of telling them one by one. */
const MAX_NAMES = 10_000;

/** Pauses between attempts to connect, in milliseconds. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;

/** A wall clock that runs away from the monotonic one by more than this means that the process (or its machine) slept. */
const CLOCK_JUMP = 2_000;

/**
 * A heartbeat sent this long after the last one proves nothing, in milliseconds: the process was stopped, and the sweeper may have removed
 * what it did not hear. The sweeper leaves every row for a minute at least.
 */
const LONGEST_SILENCE = 30_000;

export class PostgresBus implements Bus {
  readonly #options: PostgresBusOptions;
  #listener: BusListener | undefined;
  #state: BusHealth['state'] = 'connecting';
  #client: pg.Client | undefined;
  #timer: Timer | undefined;
  #snapshot: string | null = null;
  #incarnation: string | null = null;
  #pause = FIRST_PAUSE;
  #lag: number | undefined;
  #received = 0;
  #gaps = 0;
  #drift = 0;
  /** When the last heartbeat that was answered was sent. */
  #proven = 0;
  #awaited: { readonly nonce: string; readonly resolve: () => void } | undefined;
  /** Ends the wait under way. */
  #giveUp: (error: Error) => void = () => undefined;
  /** The attempt or heartbeat under way, and what was sent through another connection; `close` waits for both. */
  #work: Promise<void> = Promise.resolve();
  #echo: Promise<void> = Promise.resolve();

  constructor(options: PostgresBusOptions) {
    this.#options = options;
  }

  get health(): BusHealth {
    return { state: this.#state, lag: this.#lag, received: this.#received, gaps: this.#gaps };
  }

  listen(listener: BusListener): Promise<void> {
    this.#listener = listener;
    this.#work = this.#open();
    return this.#work;
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#timer?.cancel();
    const client = this.#client;
    this.#client = undefined;
    destroy(client);
    // What is still awaited keeps no process alive: one that only waits for this would end before it.
    this.#giveUp(new Error('The stream is closed'));
    await Promise.allSettled([this.#work, this.#echo]);
  }

  async #open(): Promise<void> {
    const client = this.#options.connect();
    this.#client = client;
    // Whatever ends the connection ends it once; a heartbeat under way hears of it as well.
    client.on('error', () => this.#lost(client));
    client.on('end', () => this.#lost(client));
    client.on('notification', ({ payload = '' }) => this.#hear(payload));
    try {
      await this.#within(client.connect());
      await this.#within(client.query(`listen ${pg.escapeIdentifier(this.#options.channel)}`));
      await this.#hearOneself();
      this.#snapshot = null;
      await this.#beat(client);
      // Not before: until then `configure` may be waiting for it.
      keepNoProcessAlive(client);
      this.#pause = FIRST_PAUSE;
    } catch (error) {
      if (this.#client === client) this.#options.onError(error);
      this.#lost(client);
    }
  }

  /**
   * Waits for a notification that another connection sends. Behind a transaction pooler LISTEN succeeds and nothing is ever heard, so
   * that sets, which are in no log, would go unnoticed; then this process must live by its local lease.
   */
  async #hearOneself(): Promise<void> {
    const nonce = `echo ${randomUUID()}`;
    const heard = new Promise<void>((resolve) => {
      this.#awaited = { nonce, resolve };
    });
    this.#echo = this.#options.echo(nonce);
    await this.#within(this.#echo);
    await this.#within(heard).catch((cause: unknown) => {
      const hint = 'is there a transaction pooler between? Then give a direct connection as `listenConnection`';
      throw new Error(`LISTEN succeeded, but notifications do not arrive: ${hint}`, { cause });
    });
  }

  /** One heartbeat, and the next one's timer. Throws when the connection cannot be trusted any more. */
  async #beat(client: pg.Client): Promise<void> {
    const { clock, delta, every } = this.#options;
    const sent = clock.monotonic();
    const answer = await this.#within(
      client.query<(string | null)[]>({
        text: delta.text,
        values: [this.#snapshot, MAX_NAMES + 1],
        rowMode: 'array',
        types: { getTypeParser: () => (value: string) => value },
      }),
    );
    if (this.#client !== client) return;
    this.#apply(answer.rows, sent);
    this.#lag = clock.monotonic() - sent;
    this.#state = 'listening';
    this.#timer = clock.schedule(every, () => {
      this.#work = this.#beat(client).catch((error: unknown) => {
        if (this.#client === client) this.#options.onError(error);
        this.#lost(client);
      });
    });
  }

  #apply(rows: readonly Row[], sent: number): void {
    const [header, ...told] = rows;
    const incarnation = header?.[2] ?? null;
    if (this.#snapshot === null) this.#gap('connected');
    else if (incarnation !== this.#incarnation) this.#gap('incarnation');
    else if (this.#hasSlept() || sent - this.#proven > LONGEST_SILENCE) this.#gap('clock');
    else if (told.length > MAX_NAMES) this.#gap('flood');
    else this.#tell(told);
    this.#drift = this.#options.clock.wall() - this.#options.clock.monotonic();
    this.#incarnation = incarnation;
    this.#snapshot = header?.[1] ?? null;
    this.#proven = sent;
    this.#listener?.onProven(sent);
  }

  #tell(rows: readonly Row[]): void {
    const byTransaction = new Map<string, number[]>();
    for (const [name, xid] of rows) {
      if (name == null || xid == null) continue;
      const hashes = byTransaction.get(xid) ?? [];
      hashes.push(nameHash(name));
      byTransaction.set(xid, hashes);
    }
    for (const [xid, hashes] of byTransaction) this.#pass(hashes, Number(xid));
  }

  #hear(payload: string): void {
    if (payload === this.#awaited?.nonce) this.#awaited.resolve();
    const message = parsePayload(payload);
    if (message !== undefined) this.#pass(message.hashes, message.xid);
  }

  #pass(hashes: readonly number[], xid: number): void {
    this.#received += hashes.length;
    this.#listener?.onNames(hashes, xid);
  }

  #gap(reason: Parameters<BusListener['onGap']>[0]): void {
    this.#gaps += 1;
    this.#listener?.onGap(reason);
  }

  #hasSlept(): boolean {
    const { clock } = this.#options;
    return Math.abs(clock.wall() - clock.monotonic() - this.#drift) > CLOCK_JUMP;
  }

  /** Gives up a connection and tries another after a pause that grows. */
  #lost(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#state = 'connecting';
    this.#timer?.cancel();
    destroy(client);
    this.#timer = this.#options.clock.schedule(this.#pause * (0.5 + Math.random() / 2), () => {
      this.#work = this.#open();
    });
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
  }

  /** The result of `work`, or a rejection once a heartbeat counts as missed. */
  async #within<T>(work: Promise<T>): Promise<T> {
    const { clock, missedAfter } = this.#options;
    let timer: Timer | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      this.#giveUp = reject;
      if (this.#state === 'closed') reject(new Error('The stream is closed'));
      const give = (): void => reject(new Error(`The listening connection did not answer within ${missedAfter} ms`));
      timer = clock.schedule(missedAfter, () => setImmediate(give));
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      timer?.cancel();
    }
  }
}

/** The driver's types leave out what its own pool uses. */
function keepNoProcessAlive(client: pg.Client): void {
  const unref: unknown = Reflect.get(client, 'unref');
  if (typeof unref === 'function') Reflect.apply(unref, client, []);
}

/** Ends a connection without waiting for the other side, which may be gone: a half-open socket would never close by itself. */
function destroy(client: pg.Client | undefined): void {
  if (client === undefined) return;
  client.removeAllListeners();
  client.on('error', () => undefined);
  client.end().catch(() => undefined);
  const connection: unknown = Reflect.get(client, 'connection');
  const stream: unknown = connection instanceof Object ? Reflect.get(connection, 'stream') : undefined;
  if (stream instanceof Object && 'destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
}
