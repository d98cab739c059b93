import 'reflect-metadata';
import { Controller, Get, Module, Param, type Type } from '@nestjs/common';
import { NestFactory, type AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { MetricsModule } from '@infra-kit/metrics';
import { compare } from '@infra-kit/testkit/bench';
import { InfraKitModule } from 'infra-kit';
import { Agent, createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

class HelloController {
  hello(id: string): string {
    return `hello ${id}`;
  }
}
Controller('hello')(HelloController);
const descriptor = Object.getOwnPropertyDescriptor(HelloController.prototype, 'hello');
if (descriptor === undefined) throw new Error('the handler is gone');
Param('id')(HelloController.prototype, 'hello', 0);
Get(':id')(HelloController.prototype, 'hello', descriptor);

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** Takes everything and looks at nothing: its work would count as ours. */
const collector = createServer(
  (request, response) => void request.resume().once('end', () => response.end()),
);
await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;

/** OpenTelemetry's own SDK with the same exporters, without anything of the suite. */
const tracers = new TracerProvider({
  sampler: new AlwaysOnSampler(),
  spanProcessors: [
    new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }) }),
  ],
});
const meters = new MeterProvider({
  readers: [
    new PrometheusExporter({ preventServerStart: true }),
    new PeriodicExportingMetricReader({
      exporter: new OTLPMetricExporter({ url: `${endpoint}/v1/metrics` }),
    }),
  ],
});

/** What a team writes by hand for the same span and the same histogram. */
function byHand(adapter: AbstractHttpAdapter): void {
  const duration = meters.getMeter('by-hand').createHistogram('by.hand.request.duration', {
    unit: 's',
    advice: { explicitBucketBoundaries: BUCKETS },
  });
  const tracer = tracers.getTracer('by-hand');
  adapter.setOnRequestHook((request: any, response: any, done: () => void) => {
    const incoming: IncomingMessage = request.raw ?? request;
    const outgoing: ServerResponse = response.raw ?? response;
    const method = incoming.method ?? '';
    const started = performance.now();
    const parent = propagation.extract(ROOT_CONTEXT, incoming.headers);
    const attributes = { 'http.request.method': method, 'url.scheme': 'http' };
    const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent);
    outgoing.setHeader('x-trace-id', span.spanContext().traceId);
    outgoing.once('close', () => {
      const route = request.routeOptions?.url ?? `${request.baseUrl ?? ''}${request.route?.path ?? ''}`;
      const ended = { ...attributes, 'http.route': route, 'http.response.status_code': outgoing.statusCode };
      span.updateName(`${method} ${route}`);
      span.setAttributes(ended);
      span.end();
      duration.record((performance.now() - started) / 1000, ended);
    });
    context.with(trace.setSpan(parent, span), done);
  });
}

const open: { close(): Promise<void> }[] = [];
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

async function start(kind: string, imports: object[], hook?: (adapter: AbstractHttpAdapter) => void) {
  class AppModule {}
  Module({ imports: imports as Type[], controllers: [HelloController] })(AppModule);
  const adapter: AbstractHttpAdapter = kind === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  hook?.(adapter);
  const app = await NestFactory.create(AppModule as Type, adapter, { logger: false });
  await app.listen(0, '127.0.0.1');
  open.push(app);
  const { port } = app.getHttpServer().address() as AddressInfo;
  return () =>
    new Promise<void>((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path: '/hello/4711', agent };
      get(options, (answer) => answer.resume().once('end', resolve)).once('error', reject);
    });
}

const telemetry = {
  endpoint,
  traces: { exporter: 'otlp', sampler: 'always' },
  metrics: { exporter: 'both' },
} as const;

/** Short rounds in great number: a request has work behind it, spans that are sent, which falls where it falls. */
const OFTEN = { rounds: 41, roundMs: 100 };

for (const kind of ['express', 'fastify']) {
  const suite = await start(kind, [MetricsModule.forRoot(telemetry)]);
  const hand = await start(kind, [], byHand);
  const umbrella = await start(kind, [InfraKitModule.forRoot({ env: 'test', metrics: telemetry })]);
  const bare = await start(kind, []);
  await compare({
    ...OFTEN,
    title: `a request on ${kind}: full telemetry (every request traced and sent, measured)`,
    baseline: { name: 'the same written by hand', run: hand },
    subjects: [{ name: 'MetricsModule', run: suite, goal: '<= 1.1' }],
  });
  await compare({
    ...OFTEN,
    title: `a request on ${kind}: beside none at all`,
    baseline: { name: 'bare Nest', run: bare },
    subjects: [
      { name: 'by hand', run: hand },
      { name: 'MetricsModule', run: suite },
      { name: 'InfraKitModule with metrics (context, health, filter too)', run: umbrella },
    ],
  });
}
for (const app of open) await app.close();
await Promise.all([tracers.shutdown(), meters.shutdown()]);
agent.destroy();
collector.close();
collector.closeAllConnections();
