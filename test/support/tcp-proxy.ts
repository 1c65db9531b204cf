/** A TCP proxy between a client and a server that can behave like a bad network. */
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * `pass`: forward. `black-hole`: keep connections open (new ones too) and swallow all data, in both directions, without telling
 * anybody. `refuse`: nobody listens; connections that exist go on.
 */
export type ProxyMode = 'pass' | 'black-hole' | 'refuse';

/** One client's connection through the proxy; `server` is there once it has been made. */
interface Link {
  readonly client: Socket;
  readonly server: Socket;
}

export class TcpProxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #links = new Set<Link>();
  #listener: Server | undefined;
  #port = 0;
  #mode: ProxyMode = 'pass';
  #delay = 0;
  #accepted = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
  }

  /** Starts a proxy in front of the server of `url`, on a free port of 127.0.0.1. */
  static async start(url: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(url);
    const proxy = new TcpProxy({ host: hostname, port: Number(port === '' ? 5432 : port) });
    await proxy.#listen();
    return proxy;
  }

  /** `url` with the address of this proxy. */
  url(url: string): string {
    const through = new URL(url);
    through.host = `127.0.0.1:${this.#port}`;
    return through.href;
  }

  get port(): number {
    return this.#port;
  }

  /** How many connections clients have made so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How many connections are open now. */
  get open(): number {
    return this.#links.size;
  }

  /** Changes how data and new connections are treated, from now on. What a black hole swallowed never arrives. */
  async behave(mode: ProxyMode): Promise<void> {
    this.#mode = mode;
    if (mode === 'refuse') await this.#unlisten();
    else if (this.#listener === undefined) await this.#listen();
  }

  /** Delays data by `ms` milliseconds in each direction; 0 = not. Order is kept. */
  slow(ms: number): void {
    this.#delay = ms;
  }

  /** Resets every open connection, on both sides. New ones may be made. */
  cut(): void {
    for (const { client, server } of this.#links) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    this.#links.clear();
  }

  /** Cuts everything and stops listening. */
  async close(): Promise<void> {
    this.cut();
    await this.#unlisten();
  }

  async #listen(): Promise<void> {
    // Half open: when one side has said all it had to say, the other may still speak.
    const listener = createServer({ noDelay: true, allowHalfOpen: true }, (client) => this.#accept(client));
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject).listen(this.#port, '127.0.0.1', resolve); // the same port again after `refuse`
    });
    const address = listener.address();
    if (address !== null && typeof address !== 'string') this.#port = address.port;
    this.#listener = listener;
  }

  async #unlisten(): Promise<void> {
    // Not awaiting `close`: it waits for the connections, which go on.
    this.#listener?.close();
    this.#listener = undefined;
  }

  #accept(client: Socket): void {
    this.#accepted += 1;
    const server = connect({ ...this.#target, noDelay: true, allowHalfOpen: true });
    const link: Link = { client, server };
    this.#links.add(link);
    this.#pipe(link, client, server);
    this.#pipe(link, server, client);
  }

  #pipe(link: Link, from: Socket, to: Socket): void {
    from.on('data', (chunk) => this.#forward(() => void (to.writable && to.write(chunk))));
    from.on('end', () => this.#forward(() => void to.end()));
    from.on('error', () => undefined); // `close` follows
    from.on('close', () => {
      if (this.#mode === 'black-hole') return; // the other side is not told
      this.#links.delete(link);
      this.#forward(() => void to.destroy());
    });
  }

  /** Carries out one step of a connection: now, later, or never. Equal delays keep their order. */
  #forward(step: () => void): void {
    if (this.#mode === 'black-hole') return;
    if (this.#delay === 0) step();
    else setTimeout(() => this.#mode !== 'black-hole' && step(), this.#delay);
  }
}
