import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { status, type Metadata, type ServerDuplexStream, type ServerUnaryCall } from '@grpc/grpc-js';
import {
  Controller,
  HttpException,
  Injectable,
  Module,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type INestMicroservice,
  type NestInterceptor,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  GrpcMethod,
  GrpcStreamCall,
  GrpcStreamMethod,
  KafkaContext,
  MessagePattern,
  RpcException,
  Server as NestServer,
  Transport,
  type ClientGrpcProxy,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { SpanKind } from '@opentelemetry/api';
import { InfraContext, InfraError } from '@infra-kit/kernel';
import { eventually, recordMetrics } from '@infra-kit/kernel/testing';
import { grpcClientInterceptor, grpcServerHook } from '@infra-kit/metrics/grpc';
import {
  firstValueFrom,
  from,
  lastValueFrom,
  map,
  Observable,
  of,
  Subject,
  toArray,
  type Subscription,
} from 'rxjs';
import {
  PROTO,
  recordSpans,
  report,
  socketFolder,
  type RecordedSpans,
  type Report,
  type Wish,
} from './fixtures/grpc-probe.js';

const TRACE = '11112222333344445555666677778888';
const seen: string[] = [];
let ended: unknown[] = [];

@Injectable()
class Watcher implements CanActivate, NestInterceptor {
  canActivate(): boolean {
    seen.push(InfraContext.traceId() ?? 'none');
    return true;
  }
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    seen.push(InfraContext.traceId() ?? 'none');
    return next.handle();
  }
}

const FAILURES: Readonly<Record<string, () => Error>> = {
  infra: () => new InfraError('UNAVAILABLE', 'away'),
  rpc: () => new RpcException({ code: status.OUT_OF_RANGE, message: 'own' }),
  http: () => new HttpException('gone', 404),
  plain: () => new Error('secret'),
};

@UseGuards(Watcher)
@UseInterceptors(Watcher)
@Controller()
class ProbeController {
  @GrpcMethod('Probe', 'Ask')
  async ask({ text }: Wish, _metadata: Metadata, call: ServerUnaryCall<Wish, Report>): Promise<Report> {
    if (text === 'hang') {
      const signal = InfraContext.current()?.signal;
      await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
      ended.push(signal?.reason, call.cancelled);
    }
    const failure = FAILURES[text]?.();
    if (failure) throw failure;
    await new Promise((resolve) => setImmediate(resolve));
    return report(text);
  }

  @GrpcMethod('Probe', 'Watch')
  watch({ text }: Wish): Observable<Report> {
    if (text === 'forever') return new Observable(() => () => ended.push('unsubscribed'));
    return from([1, 2]).pipe(map((n) => report(`${text} ${n}`)));
  }

  @GrpcStreamMethod('Probe', 'Collect')
  collect(wishes: Observable<Wish>): Observable<Report> {
    return wishes.pipe(
      map(({ text }) => {
        seen.push(`${text} ${InfraContext.traceId()}`);
        return text;
      }),
      toArray(),
      map((all) => report(all.join())),
    );
  }

  @GrpcStreamCall('Probe', 'Chat')
  chat(call: ServerDuplexStream<Wish, Report>): void {
    const seenByHandler = report('pong');
    call.on('data', () => call.write(seenByHandler));
    call.on('end', () => call.end());
  }

  @MessagePattern('ask')
  plain(): Report {
    return report('plain');
  }
}

@Module({ controllers: [ProbeController], providers: [Watcher] })
class ProbeModule {}

interface ProbeService {
  ask(wish: Wish): Observable<Report>;
  watch(wish: Wish): Observable<Report>;
  collect(wishes: Observable<Wish>): Observable<Report>;
  chat(wishes: Observable<Wish>): Observable<Report>;
}

let spans: RecordedSpans;
let metrics: ReturnType<typeof recordMetrics>;
const sockets = socketFolder();
let service: INestMicroservice | undefined;
let client: ClientGrpcProxy;
let probe: ProbeService;

async function start(options: MicroserviceOptions): Promise<INestMicroservice> {
  const made = await NestFactory.createMicroservice<MicroserviceOptions>(ProbeModule, {
    ...options,
    logger: false,
  });
  made.registerPreRequestHook(grpcServerHook(), grpcServerHook());
  await made.listen();
  return made;
}

beforeAll(async () => {
  spans = recordSpans();
  metrics = recordMetrics();
  const options = { package: 'probe', protoPath: PROTO, url: sockets.address() };
  service = await start({ transport: Transport.GRPC, options });
  client = ClientProxyFactory.create({
    transport: Transport.GRPC,
    options: { ...options, channelOptions: { interceptors: [grpcClientInterceptor()] } },
  });
  probe = client.getService<ProbeService>('Probe');
});
afterEach(() => {
  spans.clear();
  metrics.all.length = 0;
  seen.length = 0;
  ended = [];
});
afterAll(async () => {
  client.close();
  await service?.close();
  sockets[Symbol.dispose]();
  metrics[Symbol.dispose]();
  await spans.stop();
});

const serverStatuses = (): unknown[] =>
  metrics.all
    .filter(({ name }) => name === 'rpc.server.call.duration')
    .map(({ attributes }) => attributes['rpc.status_code']);

describe('a handler of a Nest microservice', () => {
  it('runs in the context of its call, as its guards and interceptors do, and once though the hook is there twice', async () => {
    const answer = await InfraContext.run({ traceId: TRACE, timeoutMs: 5000 }, () =>
      firstValueFrom(probe.ask({ text: 'hello' })),
    );
    const server = spans.byName('probe.Probe/Ask').filter(({ kind }) => kind === SpanKind.SERVER);
    expect(server).toHaveLength(1);
    expect(answer).toMatchObject({ text: 'hello', spanId: server[0]?.spanContext().spanId });
    expect(answer.remainingMs).toBeGreaterThan(0);
    expect(answer.remainingMs).toBeLessThanOrEqual(5001);
    expect(seen).toEqual([answer.traceId, answer.traceId]);
    expect(serverStatuses()).toEqual(['OK']);
  });

  it('keeps it in streams, of values, of requests, and of a call it takes as it is', async () => {
    const watched = await lastValueFrom(probe.watch({ text: 'w' }).pipe(toArray()));
    expect(watched.map(({ text }) => text)).toEqual(['w 1', 'w 2']);
    const wishes = new Subject<Wish>();
    const collecting = lastValueFrom(probe.collect(wishes));
    wishes.next({ text: 'a' });
    await eventually(() => expect(seen).toContainEqual(expect.stringMatching(/^a /)));
    wishes.next({ text: 'b' });
    wishes.complete();
    const collected = await collecting;
    expect(seen.slice(-2)).toEqual([`a ${collected.traceId}`, `b ${collected.traceId}`]);
    const talked = await lastValueFrom(probe.chat(of({ text: 'ping' })));
    expect([collected.text, talked.text]).toEqual(['a,b', 'pong']);
    for (const { spanId } of [...watched, collected, talked]) expect(spanId).not.toBe('');
    expect(serverStatuses()).toEqual(['OK', 'OK', 'OK']);
  });

  it.each([
    ['infra', 'UNAVAILABLE'],
    ['rpc', 'OUT_OF_RANGE'],
    ['http', 'NOT_FOUND'],
    ['plain', 'INTERNAL'],
  ])('that fails (%s) is measured as %s', async (text, expected) => {
    await expect(firstValueFrom(probe.ask({ text }))).rejects.toBeDefined();
    expect(serverStatuses()).toEqual([expected]);
    const [span] = spans.byName('probe.Probe/Ask').filter(({ kind }) => kind === SpanKind.SERVER);
    const isFault = ['UNAVAILABLE', 'INTERNAL'].includes(expected);
    expect(span?.events.map(({ name }) => name)).toEqual(isFault ? ['exception'] : []);
  });

  it('is told when its caller goes, and the span ends then', async () => {
    const asking: Subscription = probe.ask({ text: 'hang' }).subscribe();
    const watching = probe.watch({ text: 'forever' }).subscribe();
    await eventually(() => expect(seen).toHaveLength(4));
    asking.unsubscribe();
    watching.unsubscribe();
    await eventually(() => expect(serverStatuses()).toEqual(['CANCELLED', 'CANCELLED']));
    await eventually(() => expect(ended).toHaveLength(3));
    expect(ended).toEqual(
      expect.arrayContaining(['unsubscribed', true, expect.objectContaining({ code: 'CANCELLED' })]),
    );
  });

  it('of another transport has a context too, with the trace of a Kafka message', async () => {
    class OneMessage extends NestServer {
      override on(): void {}
      override unwrap<T>(): T {
        throw new Error('nothing underneath');
      }
      listen(done: () => void): void {
        done();
      }
      close(): void {}
      async deliver(headers: object): Promise<unknown> {
        const message = { headers } as ConstructorParameters<typeof KafkaContext>[0][0];
        const context = new KafkaContext([message, 0, 'ask', null, async () => undefined, null] as never);
        const handled: unknown = await this.getHandlerByPattern('ask')?.({}, context);
        return lastValueFrom(this.transformToObservable(handled));
      }
    }
    const strategy = new OneMessage();
    const other = await start({ strategy });
    const traceparent = Buffer.from(`00-${TRACE}-00f067aa0ba902b7-01`);
    expect(await strategy.deliver({ traceparent })).toMatchObject({ text: 'plain', traceId: TRACE });
    expect(await strategy.deliver({ 'x-deadline-ms': '50' })).toMatchObject({ remainingMs: Infinity });
    expect(metrics.all.map(({ attributes }) => attributes)).toEqual([
      { 'rpc.system.name': 'nestjs', 'rpc.method': 'ProbeController/plain', 'rpc.status_code': 'OK' },
      { 'rpc.system.name': 'nestjs', 'rpc.method': 'ProbeController/plain', 'rpc.status_code': 'OK' },
    ]);
    await other.close();
  });
});
