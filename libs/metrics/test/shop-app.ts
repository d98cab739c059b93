import 'reflect-metadata';
import {
  BadRequestException,
  Controller,
  ForbiddenException,
  Get,
  Inject,
  Injectable,
  Module,
  Param,
  UseGuards,
  type CanActivate,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { NestFactory, type AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { AddressInfo } from 'node:net';
import { MetricsModule, MetricsProvider, type MetricsOptions } from '../src/index.js';

export const ADAPTERS = ['express', 'fastify'] as const;
export type Adapter = (typeof ADAPTERS)[number];

@Injectable()
class Closed implements CanActivate {
  canActivate(): boolean {
    throw new ForbiddenException();
  }
}

@Controller('shop')
class ShopController {
  constructor(@Inject(MetricsProvider) private readonly metrics: MetricsProvider) {}

  @Get('items/:id')
  async item(@Param('id') id: string): Promise<object> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.metrics.span('load item', async (span) => ({ id, traceId: span.spanContext().traceId }));
  }

  @Get('guarded')
  @UseGuards(Closed)
  guarded(): void {
    throw new Error('never reached');
  }

  @Get('wrong')
  wrong(): never {
    throw new BadRequestException('wrong');
  }

  @Get('broken')
  async broken(): Promise<never> {
    await Promise.resolve();
    throw new RangeError('broken on purpose');
  }

  @Get('never')
  never(): Promise<void> {
    return new Promise(() => undefined);
  }
}

export interface Shop {
  readonly app: INestApplication;
  readonly url: string;
  readonly metrics: MetricsProvider;
}

/** A service with telemetry and nothing else of the suite. */
export async function openShop(adapter: Adapter, options: MetricsOptions, prefix?: string): Promise<Shop> {
  class ShopModule {}
  Module({ imports: [MetricsModule.forRoot(options)], controllers: [ShopController] })(ShopModule);
  const http: AbstractHttpAdapter = adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = await NestFactory.create(ShopModule as Type, http, { logger: false, abortOnError: false });
  if (prefix !== undefined) app.setGlobalPrefix(prefix);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { app, url: `http://127.0.0.1:${port}`, metrics: app.get(MetricsProvider) };
}
