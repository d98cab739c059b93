import {
  Logger,
  ValidationPipe,
  type INestApplication,
  type Type,
  type ValidationPipeOptions,
  type VersioningOptions,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClogNestLogger } from '@infra-kit/clog';
import { InfraError } from '@infra-kit/kernel';
import { httpAdapterOf, type AdapterChoice } from './http-adapter.js';

export interface InfraAppOptions {
  /** Default 'express'. An adapter of the application's own is taken as it is. */
  readonly adapter?: AdapterChoice | undefined;
  /** Listens when given; 0 takes a free port. */
  readonly port?: number | undefined;
  /** Interface to listen on; default all. */
  readonly host?: string | undefined;
  /** Validation of request bodies: default whitelist and transform; `false` for none. */
  readonly pipe?: ValidationPipeOptions | false | undefined;
  readonly cors?: boolean | object | undefined;
  /** Global prefix of the routes; health and metrics stay outside. */
  readonly prefix?: string | undefined;
  readonly versioning?: VersioningOptions | undefined;
  /** Longest request body in bytes; longer ones are answered 413. */
  readonly bodyLimit?: number | undefined;
}

const DEFAULT_PIPE: ValidationPipeOptions = { whitelist: true, transform: true };
const HIGHEST_PORT = 65_535;

/**
 * A service in three lines: buffered logs through clog, validation of bodies, shutdown hooks that drain first.
 * When the start fails it prints one sentence without a stack, leaves nothing open, and rejects.
 */
export async function createInfraApp(
  module: Type<unknown>,
  options: InfraAppOptions = {},
): Promise<INestApplication> {
  let app: INestApplication | undefined;
  try {
    checkPort(options.port);
    const adapter = await httpAdapterOf(options.adapter ?? 'express', options.bodyLimit);
    app = await NestFactory.create(module, adapter, {
      bufferLogs: true,
      autoFlushLogs: false,
      abortOnError: false,
      ...(options.cors !== undefined && { cors: options.cors }),
    });
    settle(app, options);
    await start(app, options);
    app.flushLogs();
    return app;
  } catch (error) {
    await app?.close().catch(() => undefined);
    Logger.detachBuffer();
    process.stderr.write(`${sentenceOf(error)}\n`);
    throw error;
  }
}

async function start(app: INestApplication, { port, host }: InfraAppOptions): Promise<void> {
  if (port === undefined) await app.init();
  else if (host === undefined) await app.listen(port);
  else await app.listen(port, host);
}

function settle(
  app: INestApplication,
  { pipe = DEFAULT_PIPE, prefix, versioning, bodyLimit }: InfraAppOptions,
): void {
  const logger = clogOf(app);
  if (logger) app.useLogger(logger);
  if (pipe !== false) app.useGlobalPipes(new ValidationPipe(pipe));
  if (prefix !== undefined) app.setGlobalPrefix(prefix);
  if (versioning !== undefined) app.enableVersioning(versioning);
  if (bodyLimit !== undefined) limitBodies(app, bodyLimit);
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
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

function checkPort(port: number | undefined): void {
  if (port === undefined || (Number.isInteger(port) && port >= 0 && port <= HIGHEST_PORT)) return;
  throw new InfraError(
    'INVALID_ARGUMENT',
    `createInfraApp: port must be a whole number from 0 to ${HIGHEST_PORT}, got ${port}`,
  );
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return Reflect.get(error, 'code') === 'EADDRINUSE'
    ? `createInfraApp: ${error.message}; choose another port`
    : error.message;
}
