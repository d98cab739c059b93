import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type CallOptions,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { InfraContext, InfraError } from '@infra-kit/kernel';
import { eventually, recordMetrics } from '@infra-kit/kernel/testing';
import { grpcClientInterceptor, grpcServerInterceptor } from '@infra-kit/metrics/grpc';
import {
  method,
  probeClient,
  recordSpans,
  report,
  socketFolder,
  type RecordedSpans,
  type Report,
  type Wish,
} from './fixtures/grpc-probe.js';

const ASK = 'probe.Probe/Ask';
const WATCH = 'probe.Probe/Watch';
const CALLER = '11112222333344445555666677778888';

let spans: RecordedSpans;
let metrics: ReturnType<typeof recordMetrics>;
let server: Server;
let client: Client;
let bare: Client;
const sockets = socketFolder();
let hanging = 0;
let aborted = Promise.withResolvers<unknown>();

const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function ask(call: ServerUnaryCall<Wish, Report>, answer: sendUnaryData<Report>): Promise<void> {
  const { text } = call.request;
  if (text === 'hang') {
    hanging++;
    const signal = InfraContext.current()?.signal;
    signal?.addEventListener('abort', () => aborted.resolve(signal.reason), { once: true });
    return;
  }
  await later();
  if (/^\d+$/.test(text)) answer({ code: Number(text), details: `as wished: ${text}` });
  else answer(null, report(text));
}

async function watch(call: ServerWritableStream<Wish, Report>): Promise<void> {
  for (const text of ['a', 'b']) {
    await later();
    call.write(report(text));
  }
  if (call.request.text === 'torn') call.emit('error', { code: status.DATA_LOSS, details: 'torn' });
  else call.end();
}

function collect(call: ServerReadableStream<Wish, Report>, answer: sendUnaryData<Report>): void {
  const texts: string[] = [];
  call.on('data', ({ text }: Wish) => texts.push(text));
  call.on('end', () => answer(null, report(texts.join())));
}

function chat(call: ServerDuplexStream<Wish, Report>): void {
  call.on('data', ({ text }: Wish) => call.write(report(text)));
  call.on('end', () => call.end());
}

beforeAll(async () => {
  spans = recordSpans();
  metrics = recordMetrics();
  const Probe = probeClient();
  server = new Server({ interceptors: [grpcServerInterceptor()] });
  server.addService(Probe.service, {
    Ask: (call: ServerUnaryCall<Wish, Report>, answer: sendUnaryData<Report>) => void ask(call, answer),
    Watch: (call: ServerWritableStream<Wish, Report>) => void watch(call),
    Collect: collect,
    Chat: chat,
  });
  const address = sockets.address();
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    ),
  );
  client = new Probe(address, credentials.createInsecure(), { interceptors: [grpcClientInterceptor()] });
  bare = new Probe(address, credentials.createInsecure());
});
afterEach(() => {
  spans.clear();
  metrics.all.length = 0;
  hanging = 0;
  aborted = Promise.withResolvers();
});
afterAll(async () => {
  client.close();
  bare.close();
  server.forceShutdown();
  sockets[Symbol.dispose]();
  metrics[Symbol.dispose]();
  await spans.stop();
});

type Ask = (
  wish: Wish,
  metadata: Metadata,
  options: CallOptions,
  answer: (error: ServiceError | null, answer: Report) => void,
) => ClientUnaryCall;

interface AskOptions {
  readonly by?: Client;
  readonly metadata?: Metadata;
  readonly options?: CallOptions;
  readonly onCall?: (call: ClientUnaryCall) => void;
}

/** The answer, or the error with which the call ended. */
function asking(
  text: string,
  { by = client, metadata = new Metadata(), options = {}, onCall }: AskOptions = {},
): Promise<Partial<Report> & { readonly code?: number }> {
  return new Promise((resolve) => {
    const call = method<Ask>(by, 'Ask')({ text }, metadata, options, (error, answer) =>
      resolve(error ? { code: error.code } : answer),
    );
    onCall?.(call);
  });
}

const spanOf = (name: string, kind: SpanKind): ReturnType<RecordedSpans['byName']>[number] => {
  const found = spans.byName(name).find((span) => span.kind === kind);
  if (found === undefined) throw new Error(`no span ${name} of kind ${kind}`);
  return found;
};

describe('a call of gRPC', () => {
  it('is one trace: the client span under the span of its caller, the server span under the client span', async () => {
    const answer = await trace.getTracer('test').startActiveSpan('request', async (request) => {
      const got = await asking('hello');
      request.end();
      return got;
    });
    const [request] = spans.byName('request');
    const outgoing = spanOf(ASK, SpanKind.CLIENT);
    const incoming = spanOf(ASK, SpanKind.SERVER);
    expect(outgoing.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
    expect(incoming.parentSpanContext).toMatchObject({
      spanId: outgoing.spanContext().spanId,
      isRemote: true,
    });
    expect(answer).toMatchObject({
      text: 'hello',
      traceId: request?.spanContext().traceId,
      spanId: incoming.spanContext().spanId,
    });
  });

  it('takes the trace of a caller without OpenTelemetry by traceparent, and one that is malformed is replaced', async () => {
    const metadata = new Metadata();
    metadata.set('traceparent', `00-${CALLER}-00f067aa0ba902b7-01`);
    expect((await asking('x', { by: bare, metadata })).traceId).toBe(CALLER);
    expect(spanOf(ASK, SpanKind.SERVER).parentSpanContext?.spanId).toBe('00f067aa0ba902b7');
    metadata.set('traceparent', '00-zz-1-01');
    expect((await asking('x', { by: bare, metadata })).traceId).toMatch(/^(?!1111)[0-9a-f]{32}$/);
  });

  it('keeps the trace state that it came with', async () => {
    const metadata = new Metadata();
    metadata.set('traceparent', `00-${CALLER}-00f067aa0ba902b7-01`);
    metadata.set('tracestate', 'vendor=1');
    await asking('x', { by: bare, metadata });
    expect(spanOf(ASK, SpanKind.SERVER).spanContext().traceState?.get('vendor')).toBe('1');
  });

  it('is measured on both sides by method and status; only what is the fault of a side is an error there', async () => {
    await asking('hello');
    expect(await asking(String(status.NOT_FOUND))).toMatchObject({ code: status.NOT_FOUND });
    expect(await asking(String(status.UNAVAILABLE))).toMatchObject({ code: status.UNAVAILABLE });
    const rpc = { 'rpc.system.name': 'grpc', 'rpc.method': ASK };
    const seen = (name: string): object[] =>
      metrics.all.filter((each) => each.name === name).map(({ attributes }) => attributes);
    expect(seen('rpc.server.call.duration')).toEqual([
      { ...rpc, 'rpc.status_code': 'OK' },
      { ...rpc, 'rpc.status_code': 'NOT_FOUND' },
      { ...rpc, 'rpc.status_code': 'UNAVAILABLE', 'error.type': 'UNAVAILABLE' },
    ]);
    expect(seen('rpc.client.call.duration')).toEqual([
      { ...rpc, 'rpc.status_code': 'OK' },
      { ...rpc, 'rpc.status_code': 'NOT_FOUND', 'error.type': 'NOT_FOUND' },
      { ...rpc, 'rpc.status_code': 'UNAVAILABLE', 'error.type': 'UNAVAILABLE' },
    ]);
    const codes = (kind: SpanKind): SpanStatusCode[] =>
      spans
        .byName(ASK)
        .filter((span) => span.kind === kind)
        .map((span) => span.status.code);
    const { UNSET, ERROR } = SpanStatusCode;
    expect(codes(SpanKind.SERVER)).toEqual([UNSET, UNSET, ERROR]);
    expect(codes(SpanKind.CLIENT)).toEqual([UNSET, ERROR, ERROR]);
    expect(metrics.all.every(({ value }) => value > 0 && value < 30)).toBe(true);
  });

  it.each([
    ['of the context', { context: 4000, own: 60_000 }],
    ['of its own', { context: 60_000, own: 4000 }],
  ])('has the nearer deadline, %s, and the handler sees it', async (_whose, { context, own }) => {
    const { remainingMs } = await InfraContext.run({ timeoutMs: context }, () =>
      asking('x', { options: { deadline: Date.now() + own } }),
    );
    expect(remainingMs).toBeGreaterThan(0);
    expect(remainingMs).toBeLessThanOrEqual(4001);
    expect((await asking('x')).remainingMs).toBe(Infinity);
  });

  it('whose deadline passes ends with DEADLINE_EXCEEDED, and the signal of the handler aborts with it', async () => {
    const late = await InfraContext.run({ timeoutMs: 200 }, () => asking('hang'));
    expect(late.code).toBe(status.DEADLINE_EXCEEDED);
    expect(await aborted.promise).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await eventually(() =>
      expect(spanOf(ASK, SpanKind.SERVER).attributes['rpc.status_code']).toBe('DEADLINE_EXCEEDED'),
    );
  });

  it('that its caller cancels aborts the signal of the handler', async () => {
    const hung = asking('hang', {
      onCall: (call) => void eventually(() => expect(hanging).toBe(1)).then(() => call.cancel()),
    });
    expect((await hung).code).toBe(status.CANCELLED);
    expect(await aborted.promise).toMatchObject({ code: 'CANCELLED' });
  });

  it('keeps the context through streams of every kind', async () => {
    await InfraContext.run({ traceId: CALLER }, async () => {
      const watched = method<(wish: Wish) => ClientReadableStream<Report>>(client, 'Watch')({ text: 'x' });
      const seen: Report[] = [];
      for await (const item of watched) seen.push(item as Report);
      expect(seen.map(({ text }) => text)).toEqual(['a', 'b']);
      expect(new Set(seen.map(({ spanId }) => spanId)).size).toBe(1);

      const collected = await new Promise<Report>((resolve, reject) => {
        const writing = method<
          (answer: (error: ServiceError | null, got: Report) => void) => ClientWritableStream<Wish>
        >(
          client,
          'Collect',
        )((error, got) => (error ? reject(error) : resolve(got)));
        for (const text of ['1', '2']) writing.write({ text });
        writing.end();
      });
      expect([collected.text, collected.spanId !== '']).toEqual(['1,2', true]);

      const talk = method<() => ClientDuplexStream<Wish, Report>>(client, 'Chat')();
      const heard: Report[] = [];
      talk.on('data', (item: Report) => heard.push(item));
      talk.write({ text: 'ping' });
      talk.end();
      await new Promise((resolve) => talk.on('status', resolve));
      expect(heard.map(({ text, spanId }) => [text, spanId !== ''])).toEqual([['ping', true]]);
    });
  });

  it('that is torn is an error by its status', async () => {
    const torn = method<(wish: Wish) => ClientReadableStream<Report>>(client, 'Watch')({ text: 'torn' });
    torn.on('error', () => undefined).resume();
    await new Promise((resolve) => torn.on('status', resolve));
    await eventually(() =>
      expect(metrics.all.map(({ attributes }) => attributes['error.type'])).toEqual([
        'DATA_LOSS',
        'DATA_LOSS',
      ]),
    );
    expect(spans.byName(WATCH)).toHaveLength(2);
  });
});

describe('a call of gRPC in a context that has been given up', () => {
  it('ends with CANCELLED, before it starts and while it runs', async () => {
    const given = new AbortController();
    const hung = InfraContext.run({ signal: given.signal }, () => asking('hang'));
    setImmediate(() => given.abort());
    expect((await hung).code).toBe(status.CANCELLED);
    const before = await InfraContext.run({ signal: given.signal }, () => asking('hang'));
    expect(before.code).toBe(status.CANCELLED);
  });

  it('ends with DEADLINE_EXCEEDED where that is why', async () => {
    const reason = new InfraError('DEADLINE_EXCEEDED', 'late');
    const late = await InfraContext.run({ signal: AbortSignal.abort(reason) }, () => asking('hang'));
    expect(late.code).toBe(status.DEADLINE_EXCEEDED);
  });
});
