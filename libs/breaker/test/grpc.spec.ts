import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { breakerInterceptor } from '@infra-kit/breaker/grpc';
import { aBreaker, type Scene } from './breakers.js';
import type { BreakerPolicyOptions } from '../src/index.js';

const bytes = (value: Buffer): Buffer => value;
const UNARY = '/probe.Probe/Unary';
const STREAM = '/probe.Probe/Stream';
const plain = {
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};

let server: Server;
let address: string;
let received = 0;
let cancelled = Promise.withResolvers<void>();
const clients: Client[] = [];

/** Answers as its request asks: a code, 'hang', or anything else. */
function unary(call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>): void {
  received++;
  const wish = call.request.toString();
  call.on('cancelled', () => cancelled.resolve());
  if (wish === 'hang') return;
  if (/^\d+$/.test(wish)) answer({ code: Number(wish), details: `as wished: ${wish}` });
  else answer(null, Buffer.from(`echo ${wish}`), new Metadata());
}
function stream(call: ServerWritableStream<Buffer, Buffer>): void {
  for (const item of ['a', 'b']) call.write(Buffer.from(item));
  if (call.request.toString() === 'torn') call.emit('error', { code: status.UNAVAILABLE, details: 'torn' });
  else call.end();
}

beforeAll(async () => {
  server = new Server();
  server.addService(
    {
      unary: { path: UNARY, requestStream: false, responseStream: false, ...plain },
      stream: { path: STREAM, requestStream: false, responseStream: true, ...plain },
    },
    { unary, stream },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  address = `127.0.0.1:${port}`;
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  cancelled = Promise.withResolvers<void>();
});
afterAll(() => server.forceShutdown());

interface Caller extends Scene {
  readonly call: (
    wish: string,
    onCall?: (call: { cancel(): void }) => void,
  ) => Promise<string | ServiceError>;
  readonly stream: (wish: string) => Promise<(string | number)[]>;
  /** The status of a call to a path for which no breaker is found. */
  readonly elsewhere: () => Promise<ServiceError | null>;
}

async function caller(policy: BreakerPolicyOptions = {}): Promise<Caller> {
  const scene = await aBreaker(policy);
  const client = new Client(address, credentials.createInsecure(), {
    interceptors: [breakerInterceptor((path) => (path.startsWith('/probe.') ? scene.breaker : fallOver()))],
  });
  clients.push(client);
  return {
    ...scene,
    call: (wish, onCall) =>
      new Promise((resolve) => {
        const call = client.makeUnaryRequest(UNARY, bytes, bytes, Buffer.from(wish), (error, answer) =>
          resolve(error ?? String(answer)),
        );
        onCall?.(call);
      }),
    elsewhere: () =>
      new Promise((resolve) => {
        client.makeUnaryRequest('/another.One/Unary', bytes, bytes, Buffer.from(''), (error) =>
          resolve(error),
        );
      }),
    stream: (wish) =>
      new Promise((resolve) => {
        const items: (string | number)[] = [];
        client
          .makeServerStreamRequest(STREAM, bytes, bytes, Buffer.from(wish))
          .on('data', (item: Buffer) => items.push(String(item)))
          .on('error', (error: ServiceError) => items.push(error.code))
          .on('status', () => resolve(items));
      }),
  };
}
function fallOver(): never {
  throw new Error('another path');
}

describe('a gRPC client behind a breaker', () => {
  it('gets answers and statuses as they are; server errors count, client errors and cancelled calls do not', async () => {
    const { call, breaker } = await caller({ failureThreshold: 100 });
    expect(await call('hello')).toBe('echo hello');
    for (const code of [status.NOT_FOUND, status.INVALID_ARGUMENT, status.UNAVAILABLE, status.INTERNAL])
      expect(await call(String(code))).toMatchObject({ code, details: `as wished: ${code}` });
    expect(breaker.snapshot()).toMatchObject({ calls: 5, failures: 2 });
    expect(await call('hang', (running) => running.cancel())).toMatchObject({ code: status.CANCELLED });
    expect(breaker.snapshot().calls).toBe(5);
  });

  it('is refused with UNAVAILABLE while the breaker is open, and nothing reaches the server', async () => {
    const { call, breaker, clock } = await caller({ failureThreshold: 2, successThreshold: 1 });
    for (let times = 0; times < 2; times++) await call(String(status.UNAVAILABLE));
    const before = received;
    expect(await call('hello')).toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining("'payment' is open"),
    });
    expect(received).toBe(before);
    await clock.advance(1000);
    expect(await call('hello')).toBe('echo hello');
    expect(breaker.state).toBe('closed');
  });

  it('ends at timeoutMs with DEADLINE_EXCEEDED, and the server is told', async () => {
    const { call, breaker, clock } = await caller({ timeoutMs: 500 });
    const before = received;
    const hung = call('hang');
    while (received === before) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(500);
    expect(await hung).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await cancelled.promise;
    expect(breaker.snapshot().failures).toBe(1);
  });

  it('ends with a status when no breaker is found for its path, and the call does not throw', async () => {
    const { elsewhere } = await caller();
    expect(await elsewhere()).toMatchObject({ code: status.INTERNAL, details: 'another path' });
  });

  it('counts a stream by its status', async () => {
    const { stream: streamed, breaker } = await caller();
    expect(await streamed('whole')).toEqual(['a', 'b']);
    expect(breaker.snapshot()).toMatchObject({ calls: 1, failures: 0 });
    expect(await streamed('torn')).toEqual(expect.arrayContaining(['a', 'b', status.UNAVAILABLE]));
    expect(breaker.snapshot()).toMatchObject({ calls: 2, failures: 1 });
  });
});
