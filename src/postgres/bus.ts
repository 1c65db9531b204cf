/** The bus over PostgreSQL: one cache's place in a stream, which it shares with others of the process that listen in the same way. */
import type { Bus, BusHealth, BusListener } from '../ports/bus.js';
import type { Stream } from './stream.js';
import { StreamMember, type StreamMemberOptions } from './stream-member.js';

export interface PostgresBusOptions extends Pick<StreamMemberOptions, 'echo' | 'onError'> {
  /** The stream to join; asked for when somebody listens. */
  readonly stream: () => Stream;
}

export class PostgresBus implements Bus {
  readonly #options: PostgresBusOptions;
  #joined: { readonly stream: Stream; readonly member: StreamMember } | undefined;
  #status: 'open' | 'closed' = 'open';

  constructor(options: PostgresBusOptions) {
    this.#options = options;
  }

  get health(): BusHealth {
    const { member, stream } = this.#joined ?? {};
    const isListening = member?.phase === 'following';
    return {
      state: this.#status === 'closed' ? 'closed' : isListening ? 'listening' : 'connecting',
      lag: stream?.lag,
      received: member?.received ?? 0,
      gaps: member?.gaps ?? 0,
    };
  }

  async listen(listener: BusListener): Promise<void> {
    const { echo, onError } = this.#options;
    const member = new StreamMember({ listener, echo, onError });
    const stream = this.#options.stream();
    this.#joined = { stream, member };
    stream.join(member);
    await member.begun;
  }

  async close(): Promise<void> {
    this.#status = 'closed';
    await this.#joined?.stream.leave(this.#joined.member);
  }
}
