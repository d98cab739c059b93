import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import {
  logsOf,
  metricsOf,
  spansOf,
  type ReceivedLog,
  type ReceivedMetric,
  type ReceivedSpan,
} from './otlp-items.js';

/** How it treats what it is sent: takes it, takes it and never answers, or refuses it. */
export type CollectorMood = 'taking' | 'hanging' | 'refusing';

/** An OTLP collector over http/protobuf that keeps what it is sent. */
export interface FakeCollector extends AsyncDisposable {
  /** Its base URL: the `endpoint` of a configuration. */
  readonly url: string;
  mood: CollectorMood;
  /** Requests that came in, in any mood, with their headers. */
  readonly requests: readonly { readonly path: string; readonly headers: IncomingMessage['headers'] }[];
  readonly spans: readonly ReceivedSpan[];
  readonly logs: readonly ReceivedLog[];
  /** The newest report of each instrument, by name; several where scopes share one. */
  metrics(name: string): readonly ReceivedMetric[];
  readonly metricNames: readonly string[];
  close(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
}

class Collector implements FakeCollector {
  mood: CollectorMood = 'taking';
  readonly requests: { path: string; headers: IncomingMessage['headers'] }[] = [];
  readonly spans: ReceivedSpan[] = [];
  readonly logs: ReceivedLog[] = [];
  readonly #metrics = new Map<string, ReceivedMetric>();
  readonly #server = createServer((request, response) => void this.#take(request, response));

  async open(port: number): Promise<this> {
    const listening = Promise.withResolvers<void>();
    this.#server.once('error', listening.reject).listen(port, '127.0.0.1', listening.resolve);
    await listening.promise;
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get metricNames(): string[] {
    return [...new Set([...this.#metrics.values()].map(({ name }) => name))].toSorted((a, b) =>
      a < b ? -1 : 1,
    );
  }

  metrics(name: string): ReceivedMetric[] {
    return [...this.#metrics.values()].filter((metric) => metric.name === name);
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const body = await bodyOf(request).catch(() => undefined);
    if (body === undefined) return;
    this.requests.push({ path, headers: request.headers });
    if (this.mood === 'hanging') return;
    response.statusCode = this.mood === 'taking' ? this.#keep(path, body) : 400;
    response.setHeader('Content-Type', 'application/x-protobuf');
    response.end();
  }

  #keep(path: string, body: Buffer): number {
    if (path.endsWith('/traces')) this.spans.push(...spansOf(body));
    else if (path.endsWith('/logs')) this.logs.push(...logsOf(body));
    else if (path.endsWith('/metrics'))
      for (const metric of metricsOf(body)) this.#metrics.set(`${metric.scope} ${metric.name}`, metric);
    else return 404;
    return 200;
  }
}

/** Listens on 127.0.0.1; default a free port. Close it. */
export function startFakeCollector({
  port = 0,
}: { readonly port?: number | undefined } = {}): Promise<FakeCollector> {
  return new Collector().open(port);
}
