/** What a listening connection needs of the driver that its types leave out. */
import type pg from 'pg';

/** Whether the process goes on as long as this connection does; the driver's own pool uses the same methods. */
export function keepProcessAlive(client: pg.Client, isAwaited: boolean): void {
  const method: unknown = Reflect.get(client, isAwaited ? 'ref' : 'unref');
  if (typeof method === 'function') Reflect.apply(method, client, []);
}

/** Ends a connection without waiting for the other side, which may be gone: a half-open socket would never close by itself. */
export function destroy(client: pg.Client | undefined): void {
  if (client === undefined) return;
  client.removeAllListeners();
  client.on('error', () => undefined);
  client.end().catch(() => undefined);
  const connection: unknown = Reflect.get(client, 'connection');
  const stream: unknown = connection instanceof Object ? Reflect.get(connection, 'stream') : undefined;
  if (stream instanceof Object && 'destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
}
