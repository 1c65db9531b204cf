/** The network to the database: a TCP proxy that can swallow everything without a word, as a firewall or a lost host does. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Network {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #state: 'up' | 'down' = 'up';

  private constructor(target: URL) {
    this.#server = createServer((client) => {
      const database = connect(Number(target.port || 5432), target.hostname);
      this.#pipe(client, database);
      this.#pipe(database, client);
    });
  }

  /** Listens on a free port, and forwards to the server of a URL. */
  static async to(url: string): Promise<Network> {
    const network = new Network(new URL(url));
    await new Promise<void>((resolve) => void network.#server.listen(0, '127.0.0.1', resolve));
    return network;
  }

  /** The URL with the address of this end. */
  through(url: string): string {
    const address = this.#server.address();
    const through = new URL(url);
    through.host = `127.0.0.1:${typeof address === 'object' ? address?.port : address}`;
    return through.href;
  }

  /** From now on whatever is sent is lost, and nobody is told. New connections are accepted, and as silent. */
  goDown(): void {
    this.#state = 'down';
  }

  /** New connections work. Those that were silent stay so until somebody gives them up, as real ones do. */
  comeBack(): void {
    for (const socket of this.#sockets) socket.pause();
    this.#state = 'up';
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #pipe(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (chunk) => this.#state === 'up' && to.writable && to.write(chunk));
    from.on('error', () => undefined); // `close` follows
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
