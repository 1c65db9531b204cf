/**
 * The stream: one dedicated connection that listens, and reads the log in heartbeats, for every cache of the process that would make the
 * same one (see shared-streams.ts).
 *
 * NOTIFY is only a latency hint, the log is the truth: a heartbeat reads what entered the log since the previous heartbeat's whole
 * snapshot. It also proves that the connection is alive, which a half-open socket never denies by itself.
 *
 * After a connection was lost: LISTEN first, then a heartbeat that only takes a snapshot. What committed before that snapshot may have been
 * missed, so everything held is given up; what commits later is told, by a notification or by the next heartbeat. A cache that joins
 * later begins in the same way, with the first heartbeat sent after it was introduced.
 *
 * Each cache is introduced by itself: what its own connections say must be heard. One whose `listenConnection` leads elsewhere would
 * otherwise be vouched for by the others.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Clock, Timer } from '../kernel/clock.js';
import { nameHash } from '../kernel/name-hash.js';
import type { GapReason } from '../ports/bus.js';
import { destroy, keepProcessAlive } from './listening-client.js';
import { parsePayload } from './notification.js';
import type { Row, Statement } from './statement.js';
import { FIRST_PAUSE, nextPause, type StreamMember, type Told } from './stream-member.js';

export interface StreamOptions {
  /** Makes a client that is not connected yet; called for every attempt. */
  readonly connect: () => pg.Client;
  readonly delta: Statement;
  /** The channels' names, not quoted: of invalidations, and of published events. */
  readonly channel: string;
  readonly eventChannel: string;
  readonly clock: Clock;
  /** Milliseconds between heartbeats, and until one that is not answered counts as missed. */
  readonly every: number;
  readonly missedAfter: number;
}

/** A heartbeat that brings more names than this drops the local tier instead of telling them one by one. */
const MAX_NAMES = 10_000;

/** A wall clock that runs away from the monotonic one by more than this means that the process (or its machine) slept. */
const CLOCK_JUMP = 2_000;

/**
 * A heartbeat sent this long after the last one proves nothing, in milliseconds: the process was stopped, and the sweeper may have removed
 * what it did not hear. The sweeper leaves every row for a minute at least.
 */
const LONGEST_SILENCE = 30_000;

export class Stream {
  readonly #options: StreamOptions;
  readonly #members = new Set<StreamMember>();
  #status: 'open' | 'closed' = 'open';
  #client: pg.Client | undefined;
  /** The client that has begun to listen. */
  #listening: pg.Client | undefined;
  #timer: Timer | undefined;
  /** The client whose heartbeat is under way. */
  #beating: pg.Client | undefined;
  #snapshot: string | null = null;
  #incarnation: string | null = null;
  #pause = FIRST_PAUSE;
  #lag: number | undefined;
  #drift = 0;
  /** When the last heartbeat that was answered was sent. */
  #proven = 0;
  /** Who waits to hear itself, by what it has sent. */
  readonly #awaited = new Map<string, () => void>();
  /** Ends the waits under way. */
  readonly #giveUps = new Set<(error: Error) => void>();
  /** The attempt or heartbeat under way; the last to leave waits for it. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  get lag(): number | undefined {
    return this.#lag;
  }

  /** Whether the last member has left: nobody can join any more. */
  get isClosed(): boolean {
    return this.#status === 'closed';
  }

  join(member: StreamMember): void {
    this.#members.add(member);
    if (this.#listening !== undefined) {
      this.#introduceLater(this.#listening, member);
    } else if (this.#client === undefined) {
      // Not after the pause of those who have tried before: this one's first attempt is waited for.
      this.#timer?.cancel();
      this.#work = this.#open();
    }
  }

  /** The last to leave closes the connection. */
  async leave(member: StreamMember): Promise<void> {
    this.#members.delete(member);
    member.lose();
    if (this.#members.size === 0) await this.#close();
    else if (member.wantsMessages) this.#unlisten();
    await Promise.allSettled([member.sent]);
  }

  async #close(): Promise<void> {
    this.#status = 'closed';
    this.#timer?.cancel();
    const client = this.#client;
    this.#client = undefined;
    this.#listening = undefined;
    destroy(client);
    // What is still awaited keeps no process alive: one that only waits for this would end before it.
    for (const giveUp of this.#giveUps) giveUp(new Error('The stream is closed'));
    await Promise.allSettled([this.#work]);
  }

  async #open(): Promise<void> {
    const { connect, channel } = this.#options;
    const client = connect();
    this.#client = client;
    // Whatever ends the connection ends it once; a heartbeat under way hears of it as well.
    client.on('error', () => this.#lost(client));
    client.on('end', () => this.#lost(client));
    client.on('notification', (message) => this.#hear(message));
    try {
      await this.#within(client.connect());
      await this.#within(client.query(`listen ${pg.escapeIdentifier(channel)}`));
      if (this.#client !== client) return;
      this.#snapshot = null;
      this.#listening = client;
      if (!(await this.#introduceAll(client))) return;
      await this.#beat(client);
      this.#pause = FIRST_PAUSE;
    } catch (error) {
      this.#fail(client, error);
    }
  }

  /** Whether the connection hears somebody; when it does, those it has not heard try again, else it is given up. */
  async #introduceAll(client: pg.Client): Promise<boolean> {
    const introductions = [...this.#members].map((member) => ({ member, done: this.#introduce(client, member) }));
    try {
      await Promise.any(introductions.map(({ done }) => done));
    } catch {
      if (this.#client !== client) return false;
      const told: Told = new Set();
      for (const { member, done } of introductions) await done.catch((error: unknown) => member.fail(error, told));
      this.#lost(client);
      return false;
    }
    for (const { member, done } of introductions) this.#await(client, member, done);
    return true;
  }

  #introduceLater(client: pg.Client, member: StreamMember): void {
    keepProcessAlive(client, this.#isAwaited);
    this.#await(client, member, this.#introduce(client, member));
  }

  #await(client: pg.Client, member: StreamMember, introduction: Promise<void>): void {
    introduction.then(
      () => this.#beatSoon(client),
      (error: unknown) => {
        if (this.#client !== client || !this.#members.has(member)) return;
        member.fail(error);
        keepProcessAlive(client, this.#isAwaited);
        member.tryAgain(this.#options.clock, () => this.#introduceLater(client, member));
      },
    );
  }

  /**
   * Waits for a notification that another connection sends. Behind a transaction pooler LISTEN succeeds and nothing is ever heard, so
   * that sets, which are in no log, would go unnoticed; then this process must live by its local lease.
   */
  async #introduce(client: pg.Client, member: StreamMember): Promise<void> {
    const nonce = `echo ${randomUUID()}`;
    const heard = new Promise<void>((resolve) => this.#awaited.set(nonce, resolve));
    try {
      if (member.wantsMessages) {
        await this.#within(client.query(`listen ${pg.escapeIdentifier(this.#options.eventChannel)}`));
      }
      await this.#within(member.send(nonce));
      await this.#within(heard).catch((cause: unknown) => {
        const hint = 'is there a transaction pooler between? Then give a direct connection as `listenConnection`';
        throw new Error(`LISTEN succeeded, but notifications do not arrive: ${hint}`, { cause });
      });
    } finally {
      this.#awaited.delete(nonce);
    }
    if (this.#client === client && this.#members.has(member)) member.introduced();
  }

  /** Nobody reads published events any more. A connection that cannot say so is found out by the next heartbeat. */
  #unlisten(): void {
    if ([...this.#members].some(({ wantsMessages }) => wantsMessages)) return;
    this.#listening?.query(`unlisten ${pg.escapeIdentifier(this.#options.eventChannel)}`).catch(() => undefined);
  }

  /** The next heartbeat at once, for somebody waits for it; when one is under way, the one after that. */
  #beatSoon(client: pg.Client): void {
    if (this.#client !== client || this.#beating === client || this.#snapshot === null) return;
    this.#timer?.cancel();
    this.#work = this.#beat(client).catch((error: unknown) => this.#fail(client, error));
  }

  /** One heartbeat, and the next one's timer. Throws when the connection cannot be trusted any more. */
  async #beat(client: pg.Client): Promise<void> {
    const { clock, every } = this.#options;
    const sent = clock.monotonic();
    const joining = [...this.#members].filter(({ phase }) => phase === 'heard');
    this.#beating = client;
    try {
      const rows = await this.#ask(client);
      if (this.#client !== client) return;
      this.#apply(rows, sent, joining);
    } finally {
      if (this.#beating === client) this.#beating = undefined;
    }
    this.#lag = clock.monotonic() - sent;
    keepProcessAlive(client, this.#isAwaited);
    this.#timer = clock.schedule(every, () => this.#beatSoon(client));
    if ([...this.#members].some(({ phase }) => phase === 'heard')) this.#beatSoon(client);
  }

  async #ask(client: pg.Client): Promise<readonly Row[]> {
    const answer = await this.#within(
      client.query<(string | null)[]>({
        text: this.#options.delta.text,
        values: [this.#snapshot, MAX_NAMES + 1],
        rowMode: 'array',
        types: { getTypeParser: () => (value: string) => value },
      }),
    );
    return answer.rows;
  }

  #apply(rows: readonly Row[], sent: number, joining: readonly StreamMember[]): void {
    const [header, ...told] = rows;
    const incarnation = header?.[2] ?? null;
    const gap = this.#gapBefore(incarnation, sent, told.length);
    if (gap !== undefined) this.#toFollowers((member) => member.gap(gap));
    else this.#tell(told);
    for (const member of joining) if (this.#members.has(member)) member.follow();
    this.#drift = this.#options.clock.wall() - this.#options.clock.monotonic();
    this.#incarnation = incarnation;
    this.#snapshot = header?.[1] ?? null;
    this.#proven = sent;
    this.#toFollowers((member) => member.prove(sent));
  }

  /** Why what a heartbeat brings is not all there was since the one before; undefined when it is. */
  #gapBefore(incarnation: string | null, sent: number, names: number): GapReason | undefined {
    if (this.#snapshot === null) return 'connected';
    if (incarnation !== this.#incarnation) return 'incarnation';
    if (this.#hasSlept() || sent - this.#proven > LONGEST_SILENCE) return 'clock';
    return names > MAX_NAMES ? 'flood' : undefined;
  }

  #toFollowers(act: (member: StreamMember) => void): void {
    for (const member of this.#members) if (member.phase === 'following') act(member);
  }

  #tell(rows: readonly Row[]): void {
    const byTransaction = new Map<string, number[]>();
    for (const [name, xid] of rows) {
      if (name == null || xid == null) continue;
      const hashes = byTransaction.get(xid) ?? [];
      if (hashes.length === 0) byTransaction.set(xid, hashes);
      hashes.push(nameHash(name));
    }
    for (const [xid, hashes] of byTransaction) this.#toFollowers((member) => member.tell(hashes, Number(xid)));
  }

  #hear({ channel, payload = '' }: pg.Notification): void {
    if (channel === this.#options.eventChannel) {
      for (const member of this.#members) member.pass(payload);
      return;
    }
    this.#awaited.get(payload)?.();
    const message = parsePayload(payload);
    if (message === undefined) return;
    for (const member of this.#members) if (member.phase !== 'unheard') member.tell(message.hashes, message.xid);
  }

  #hasSlept(): boolean {
    const { clock } = this.#options;
    return Math.abs(clock.wall() - clock.monotonic() - this.#drift) > CLOCK_JUMP;
  }

  get #isAwaited(): boolean {
    return [...this.#members].some(({ isAwaited }) => isAwaited);
  }

  #fail(client: pg.Client, error: unknown): void {
    if (this.#client !== client) return;
    const told: Told = new Set();
    for (const member of this.#members) member.fail(error, told);
    this.#lost(client);
  }

  /** Gives up a connection and tries another after a pause that grows. */
  #lost(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#listening = undefined;
    this.#timer?.cancel();
    for (const member of this.#members) member.lose();
    destroy(client);
    this.#timer = this.#options.clock.schedule(this.#pause * (0.5 + Math.random() / 2), () => {
      this.#work = this.#open();
    });
    this.#pause = nextPause(this.#pause);
  }

  /** The result of `work`, or a rejection once a heartbeat counts as missed. */
  async #within<T>(work: Promise<T>): Promise<T> {
    const { clock, missedAfter } = this.#options;
    let timer: Timer | undefined;
    let giveUp: (error: Error) => void = () => undefined;
    const late = new Promise<never>((_resolve, reject) => {
      giveUp = reject;
      this.#giveUps.add(giveUp);
      if (this.isClosed) reject(new Error('The stream is closed'));
      const give = (): void => reject(new Error(`The listening connection did not answer within ${missedAfter} ms`));
      timer = clock.schedule(missedAfter, () => setImmediate(give));
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      timer?.cancel();
      this.#giveUps.delete(giveUp);
    }
  }
}
