import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { freePort } from '../process/free-port.js';
import { until } from '../process/poll.js';
import { type ConnectionOwner, ProxiedConnection, type Wire } from './proxied-connection.js';

export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
}

export interface ProxyCounts {
  /** Connections accepted since the start. */
  readonly connections: number;
  /** Connections open now. */
  readonly open: number;
  /** Bytes received from clients. */
  readonly bytesUp: number;
  /** Bytes received from the target. */
  readonly bytesDown: number;
  /** Those of both that a blackhole swallowed. */
  readonly bytesSwallowed: number;
}

export interface FaultProxyOptions {
  /** A freePort() that was told to others before, such as the advertisedPort of a Kafka. */
  readonly port?: number | undefined;
}

const HOST = '127.0.0.1';
const FORWARD: Wire = { mode: 'forward', latencyMs: 0 };

/**
 * A TCP proxy on a port of 127.0.0.1 that keeps its port for life and breaks the wire on demand. The state set last
 * holds, for open connections too, until restore(). Whoever starts it closes it.
 */
export class FaultProxy {
  readonly host = HOST;
  readonly port: number;
  readonly #connections = new Set<ProxiedConnection>();
  readonly #owner: ConnectionOwner;
  #wire: Wire = FORWARD;
  #server: Server | undefined;
  #counts = { connections: 0, bytesUp: 0, bytesDown: 0, bytesSwallowed: 0 };

  private constructor(target: ProxyTarget, port: number) {
    this.port = port;
    this.#owner = {
      wire: () => this.#wire,
      target,
      received: (direction, bytes) => {
        this.#counts[direction === 'up' ? 'bytesUp' : 'bytesDown'] += bytes;
        if (this.#wire.mode === 'blackhole') this.#counts.bytesSwallowed += bytes;
      },
      closed: (connection) => this.#connections.delete(connection),
    };
  }

  /**
   * Listens at once, on the given port or a free one; the target is first looked for when a client connects. A
   * RunningServer is a target.
   */
  static async start(target: ProxyTarget, options: FaultProxyOptions = {}): Promise<FaultProxy> {
    const port = options.port ?? (await freePort());
    const proxy = new FaultProxy({ host: target.host, port: target.port }, port);
    await proxy.#listen();
    return proxy;
  }

  get counts(): ProxyCounts {
    return { ...this.#counts, open: this.#connections.size };
  }

  /** The target's url with the proxy's place in it, e.g. through('redis://h:1/2') → 'redis://127.0.0.1:20123/2'. */
  through(url: string): string {
    return url.replace(/^((?:[a-z]+:\/\/)?(?:[^/]*@)?)[^/?#]+/i, `$1${HOST}:${this.port}`);
  }

  /** Delays each chunk by `ms` milliseconds each way; the order is kept. */
  latency(ms: number): void {
    this.#lay({ mode: 'forward', latencyMs: ms });
  }

  /** Accepts, and swallows every byte and every end of stream, both ways: peers see a silent wire, no error. */
  blackhole(): void {
    this.#lay({ mode: 'blackhole' });
  }

  /** Resets (RST) all open connections; new ones are welcome. */
  reset(): void {
    for (const connection of this.#connections) connection.reset();
  }

  /** Stops listening: new connections get ECONNREFUSED. Open ones live on; reset() ends them. */
  async refuse(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    // its close event waits for every open connection: stopping to listen does not
    server.close();
    await until(`port ${this.port} is closed`, () => !server.listening);
  }

  /** A sound wire again, and listening again, on the same port. */
  async restore(): Promise<void> {
    this.#lay(FORWARD);
    await this.#listen();
  }

  /** Resets what is open and stops listening. */
  async close(): Promise<void> {
    await this.refuse();
    this.reset();
    await until('the connections of the proxy end', () => this.#connections.size === 0);
  }

  /**
   * After a blackhole, connections that lost something in it are reset: a stream with a hole exists on no real network,
   * and a client could take one answer for another.
   */
  #lay(wire: Wire): void {
    this.#wire = wire;
    if (wire.mode === 'blackhole') return;
    for (const connection of this.#connections) if (connection.holed) connection.reset();
  }

  async #listen(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    server.listen(this.port, HOST);
    await once(server, 'listening');
    this.#server = server;
  }

  #accept(client: Socket): void {
    this.#counts.connections++;
    this.#connections.add(new ProxiedConnection(client, this.#owner));
  }
}
