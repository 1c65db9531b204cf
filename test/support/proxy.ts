/** A TCP proxy of the running test's own. */
import { onTestFinished } from 'vitest';
import { TcpProxy } from './tcp-proxy.js';

export type { TcpProxy } from './tcp-proxy.js';

/** A proxy for the running test, closed after it. */
export async function useProxy(url: string): Promise<TcpProxy> {
  const proxy = await TcpProxy.start(url);
  onTestFinished(() => proxy.close());
  return proxy;
}
