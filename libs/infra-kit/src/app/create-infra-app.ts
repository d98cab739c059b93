import { Logger, ValidationPipe, type INestApplication, type PipeTransform, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClogNestLogger } from '@infra-kit/clog';
import { closeOnFailure, InfraError, messageOf } from '@infra-kit/kernel';
import { httpAdapterOf } from './http-adapter.js';
import { checkAppOptions, type InfraAppOptions } from './infra-app-options.js';

/**
 * A service in three lines: buffered logs through clog, validation of bodies, shutdown hooks that drain first.
 * Without `port` the application is made and not initialised: add what you like, then `init` or `listen`.
 * When the start fails it prints one sentence without a stack, leaves nothing open, and rejects.
 */
export async function createInfraApp(
  module: Type<unknown>,
  options: InfraAppOptions = {},
): Promise<INestApplication> {
  let app: INestApplication | undefined;
  try {
    app = await make(module, options);
    settle(app, options);
    await listen(app, options);
    app.flushLogs();
    return app;
  } catch (error) {
    await app?.close().catch(() => undefined);
    discardBufferedLines();
    process.stderr.write(`${sentenceOf(error)}\n`);
    throw error;
  }
}

async function make(module: Type<unknown>, options: InfraAppOptions): Promise<INestApplication> {
  if (typeof module !== 'function')
    throw new InfraError('INVALID_ARGUMENT', 'createInfraApp: the first argument must be a module class', {
      component: 'infra-kit',
    });
  checkAppOptions(options);
  const adapter = await httpAdapterOf(options.adapter ?? 'express', options.bodyLimit);
  return closeOnFailure(() =>
    NestFactory.create(module, adapter, {
      bufferLogs: true,
      autoFlushLogs: false,
      abortOnError: false,
      ...(options.cors !== undefined && { cors: options.cors }),
    }),
  );
}

function settle(app: INestApplication, { pipe, prefix, versioning, bodyLimit }: InfraAppOptions): void {
  const logger = clogOf(app);
  if (logger) app.useLogger(logger);
  if (pipe !== false) app.useGlobalPipes(pipeOf(pipe));
  if (prefix !== undefined) app.setGlobalPrefix(prefix);
  if (versioning !== undefined) app.enableVersioning(versioning);
  if (bodyLimit !== undefined) limitBodies(app, bodyLimit);
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
}

async function listen(app: INestApplication, { port, host }: InfraAppOptions): Promise<void> {
  if (port === undefined) return;
  if (host === undefined) await app.listen(port);
  else await app.listen(port, host);
}

function pipeOf(pipe: Exclude<InfraAppOptions['pipe'], false>): PipeTransform {
  if (pipe !== undefined && 'transform' in pipe && typeof pipe.transform === 'function')
    return pipe as PipeTransform;
  return new ValidationPipe({ whitelist: true, transform: true, ...(pipe as object | undefined) });
}

/** clog's adapter for Nest's own lines, where clog is loaded. */
function clogOf(app: INestApplication): ClogNestLogger | undefined {
  try {
    return app.get(ClogNestLogger, { strict: false });
  } catch {
    return undefined;
  }
}

/** Express takes the limit at its parsers; Fastify took it when the adapter was made. */
function limitBodies(app: INestApplication, limit: number): void {
  const useBodyParser: unknown = Reflect.get(app, 'useBodyParser');
  if (app.getHttpAdapter().getType() !== 'express' || typeof useBodyParser !== 'function') return;
  Reflect.apply(useBodyParser, app, ['json', { limit }]);
  Reflect.apply(useBodyParser, app, ['urlencoded', { limit, extended: true }]);
}

/** What Nest had to say of an application that is not there; left in its buffer, the next one would print it. */
function discardBufferedLines(): void {
  Logger.detachBuffer();
  Reflect.set(Logger, 'logBuffer', []);
}

/** Who injects a provider of a component that was not named is told the line to add. */
const COMPONENT_OF: Readonly<Record<string, string>> = {
  BreakerProvider: 'breaker',
  RateLimitProvider: 'ratelimit',
  CacheProvider: 'cache',
  ClogLogger: 'clog',
  ClogNestLogger: 'clog',
  ClogProvider: 'clog',
  CoordProvider: 'coord',
  DbProvider: 'db',
  EsProvider: 'es',
  MetricsProvider: 'metrics',
  OnceProvider: 'once',
  UidProvider: 'uid',
};

function sentenceOf(error: unknown): string {
  const message = messageOf(error);
  if (Reflect.get(Object(error), 'code') === 'EADDRINUSE')
    return `createInfraApp: ${message}; choose another port`;
  const [, missing = ''] = /argument (\w+) at index/.exec(message) ?? [];
  const component = COMPONENT_OF[missing];
  return component === undefined
    ? message
    : `${message}\nadd it: InfraKitModule.forRoot({ ${component}: true })`;
}
