import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type TcpProxy, useProxy } from '../support/proxy.js';

/** A server that sends back what it gets, and a proxy in front of it. */
async function echoBehindProxy(): Promise<{ proxy: TcpProxy; connected: () => Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    socket.pipe(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { proxy: await useProxy(`tcp://127.0.0.1:${address.port}`), connected: () => sockets };
}

async function client(proxy: TcpProxy): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket.on('error', () => undefined).setEncoding('utf8');
}

async function roundTrip(socket: Socket, text: string): Promise<unknown> {
  socket.write(text);
  return (await once(socket, 'data'))[0];
}

describe('TcpProxy', () => {
  it('passes data both ways and counts connections', async () => {
    const { proxy } = await echoBehindProxy();
    const [first, second] = [await client(proxy), await client(proxy)];
    expect(await roundTrip(first, 'one')).toBe('one');
    expect(await roundTrip(second, 'two')).toBe('two');
    expect([proxy.accepted, proxy.open]).toEqual([2, 2]);
  });

  it('gives the URL that leads through it', async () => {
    const { proxy } = await echoBehindProxy();
    expect(proxy.url('postgres://me:secret@localhost:5432/db')).toBe(`postgres://me:secret@127.0.0.1:${proxy.port}/db`);
  });

  it('as a black hole keeps connections and swallows data, of new connections too', async () => {
    const { proxy } = await echoBehindProxy();
    const before = await client(proxy);
    await proxy.behave('black-hole');
    const after = await client(proxy);
    const heard: unknown[] = [];
    for (const socket of [before, after]) {
      for (const event of ['data', 'close', 'error']) socket.on(event, (what) => heard.push(what));
      socket.write('anybody?');
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(heard).toEqual([]);
    await proxy.behave('pass');
    expect(await roundTrip(before, 'again')).toBe('again');
  });

  it('in a black hole neither side learns that the other has gone', async () => {
    const { proxy, connected } = await echoBehindProxy();
    const socket = await client(proxy);
    await roundTrip(socket, 'hello');
    await proxy.behave('black-hole');
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(connected()[0]?.closed).toBe(false);
  });

  it('delays each direction', async () => {
    const { proxy } = await echoBehindProxy();
    const socket = await client(proxy);
    await roundTrip(socket, 'fast');
    proxy.slow(40);
    const began = performance.now();
    await roundTrip(socket, 'slow');
    expect(performance.now() - began).toBeGreaterThanOrEqual(75); // twice 40, less the timers' rounding
  });

  it('cuts connections on both sides and lets new ones in', async () => {
    const { proxy, connected } = await echoBehindProxy();
    const socket = await client(proxy);
    await roundTrip(socket, 'hello');
    const [ofServer] = connected();
    if (ofServer === undefined) throw new Error('not connected');
    const gone = Promise.all([socket, ofServer].map((side) => new Promise((resolve) => side.once('close', resolve))));
    proxy.cut();
    await gone;
    expect(proxy.open).toBe(0);
    expect(await roundTrip(await client(proxy), 'new')).toBe('new');
  });

  it('refuses new connections, and listens on the same port again', async () => {
    const { proxy } = await echoBehindProxy();
    const before = await client(proxy);
    await proxy.behave('refuse');
    await expect(client(proxy)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await roundTrip(before, 'still here')).toBe('still here');
    await proxy.behave('pass');
    expect(await roundTrip(await client(proxy), 'back')).toBe('back');
  });
});
