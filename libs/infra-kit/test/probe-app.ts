import {
  Body,
  Controller,
  Get,
  Logger,
  Module,
  Param,
  Post,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { InfraContext, InfraError, type InfraErrorCode } from '@infra-kit/kernel';
import { IsInt, IsString, Length } from 'class-validator';
import type { AddressInfo } from 'node:net';
import { createInfraApp, InfraKitModule, type InfraAppOptions, type InfraKitOptions } from '../src/index.js';

export const ADAPTERS = ['express', 'fastify'] as const;

class Order {
  @IsString()
  @Length(1, 10)
  item = '';

  @IsInt()
  quantity = Number.NaN;
}

@Controller()
export class ProbeController {
  static aborted: unknown[] = [];

  @Get('context')
  async context(): Promise<object> {
    await Promise.resolve();
    return {
      traceId: InfraContext.traceId(),
      remainingMs: InfraContext.remainingMs() === Infinity ? 'none' : 'some',
    };
  }

  @Get('fail/:code')
  fail(@Param('code') code: InfraErrorCode): never {
    throw new InfraError(code, `it failed with ${code}`, { retryAfterMs: 1500 });
  }

  @Get('crash')
  crash(): never {
    throw new Error('password=hunter2');
  }

  @Get('hang')
  async hang(): Promise<void> {
    const signal = InfraContext.current()?.signal;
    await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
    ProbeController.aborted.push(signal?.reason);
  }

  @Post('orders')
  order(@Body() order: Order): object {
    return order;
  }
}

export interface ProbeApp {
  readonly app: INestApplication;
  readonly url: string;
}

export function probeModule(options: InfraKitOptions): Type<unknown> {
  @Module({ imports: [InfraKitModule.forRoot({ env: 'test', ...options })], controllers: [ProbeController] })
  class ProbeModule {}
  return ProbeModule;
}

export async function startProbe(
  options: InfraKitOptions = {},
  app: InfraAppOptions = {},
): Promise<ProbeApp> {
  Logger.overrideLogger(false);
  const started = await createInfraApp(probeModule(options), { port: 0, host: '127.0.0.1', ...app });
  const { port } = started.getHttpServer().address() as AddressInfo;
  return { app: started, url: `http://127.0.0.1:${port}` };
}
