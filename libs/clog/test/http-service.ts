import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import {
  Body,
  Controller,
  Get,
  HttpException,
  Logger as Nest,
  Module,
  Param,
  Post,
  Req,
  Res,
  StreamableFile,
  type INestApplication,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ClogLogger, ClogModule, ClogNestLogger } from '@infra-kit/clog';
import { PinoLogger } from 'nestjs-pino';
import type { Line } from './log-files.js';

interface Logs {
  info(fields: object, message: string): void;
}

@Controller()
class OrdersController {
  constructor(
    private readonly logger: ClogLogger,
    private readonly pinoLogger: PinoLogger,
  ) {}

  @Get('orders/:id')
  async read(@Param('id') id: string): Promise<object> {
    this.logger.info('reading');
    await new Promise((resolve) => setImmediate(resolve));
    this.logger.info('read');
    return { id, name: 'ä' };
  }

  @Post('orders')
  create(@Body() body: object): object {
    this.logger.info('creating');
    return body;
  }

  @Get('pino')
  pino(): string {
    this.pinoLogger.assign({ userId: 7, token: 'hidden' });
    this.pinoLogger.info('through nestjs-pino');
    new Nest('InRequest').log('through Nest');
    return 'ok';
  }

  @Get('log')
  log(@Req() request: { readonly log?: Logs; readonly raw?: { readonly log?: Logs } }): string {
    const own = request.raw?.log ?? request.log;
    own?.info({ request_id: 'another' }, 'through req.log');
    return 'ok';
  }

  @Get('broken')
  broken(@Res() response: { readonly raw?: ServerResponse }): void {
    (response.raw ?? (response as ServerResponse)).destroy();
  }

  @Get('fail')
  fail(): never {
    throw new HttpException('down', 503);
  }

  @Get('stream')
  stream(): StreamableFile {
    return new StreamableFile(Readable.from([Buffer.from('12345'), Buffer.from('678')]));
  }

  @Get('hang')
  hang(): Promise<never> {
    this.logger.info('hanging');
    return new Promise(() => undefined);
  }

  @Get('health/live')
  health(): string {
    this.logger.debug('checked');
    return 'ok';
  }
}

const adapters = {
  express: () => new ExpressAdapter(),
  fastify: () => new FastifyAdapter(),
} as const;

export interface Served {
  readonly app: INestApplication;
  readonly url: string;
}

/** A service that logs, on one of Nest's HTTP adapters. */
export async function serve(
  adapter: keyof typeof adapters,
  output: string,
  prepare?: (app: INestApplication) => void,
): Promise<Served> {
  @Module({
    imports: [ClogModule.forRoot({ output, level: 'debug', format: 'json' })],
    controllers: [OrdersController],
  })
  class App {}
  const app = await NestFactory.create(App, adapters[adapter](), {
    bufferLogs: true,
    forceCloseConnections: true,
  });
  app.useLogger(app.get(ClogNestLogger));
  prepare?.(app);
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl() };
}

export const access = (lines: readonly Line[]): Line[] => lines.filter(({ msg }) => msg === 'request');
