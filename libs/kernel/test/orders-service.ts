import { setTimeout as delay } from 'node:timers/promises';
import {
  Body,
  Catch,
  Controller,
  ForbiddenException,
  Get,
  Module,
  Post,
  Res,
  UseFilters,
  ValidationPipe,
  type ArgumentsHost,
  type ExceptionFilter,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { InfraError, InfraExceptionFilter } from '@infra-kit/kernel';
import { IsInt, IsString } from 'class-validator';

class Order {
  @IsString()
  item!: string;
  @IsInt()
  count!: number;
}

@Catch(RangeError)
class OwnFilter implements ExceptionFilter {
  catch(_error: unknown, host: ArgumentsHost): void {
    const response = host
      .switchToHttp()
      .getResponse<{ status(code: number): { send(body: unknown): void } }>();
    response.status(418).send({ own: true });
  }
}

@Controller()
class Orders {
  @Get('infra')
  infra(): never {
    throw new InfraError('RESOURCE_EXHAUSTED', 'too many orders', { retryAfterMs: 1_500 });
  }
  @Get('teapot')
  teapot(): never {
    throw new InfraError('UNAVAILABLE', 'own status', { httpStatus: 418 });
  }
  @Get('plain')
  plain(): never {
    throw new ForbiddenException('not you');
  }
  @Get('unknown')
  unknown(): never {
    throw new Error('password=hunter2');
  }
  @Get('bigint')
  bigint(): never {
    throw new ForbiddenException({ message: 'fenced', token: 12345678901234567890n });
  }
  @Get('own')
  @UseFilters(OwnFilter)
  own(): never {
    throw new RangeError('mine');
  }
  @Get('half')
  async half(@Res() response: { raw?: NodeJS.WritableStream } & NodeJS.WritableStream): Promise<void> {
    (response.raw ?? response).write('half');
    await delay(1);
    throw new InfraError('DATA_LOSS', 'in the middle');
  }
  @Post('orders')
  create(@Body() order: Order): Order {
    return order;
  }
}

/** Fails in every way that an HTTP service can. */
@Module({ controllers: [Orders] })
export class OrdersModule {}

@Module({ controllers: [Orders], providers: [{ provide: APP_FILTER, useClass: InfraExceptionFilter }] })
export class FilteredModule {}

export const ADAPTERS = [
  ['Express', (): ExpressAdapter => new ExpressAdapter()],
  ['Fastify', (): FastifyAdapter => new FastifyAdapter({ bodyLimit: 1_000 })],
] as const;

const opened: INestApplication[] = [];

/** Listens; `closeAll` ends it. */
export async function serve(
  module: Type<unknown>,
  adapter: ExpressAdapter | FastifyAdapter,
  prepare: (app: INestApplication) => void = () => undefined,
): Promise<{ app: INestApplication; url: string }> {
  const app = await NestFactory.create(module, adapter, { logger: false, bodyParser: true });
  opened.push(app);
  if (adapter instanceof ExpressAdapter) adapter.useBodyParser('json', false, { limit: 1_000 });
  prepare(app);
  app.useGlobalPipes(new ValidationPipe());
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl() };
}

export async function closeAll(): Promise<void> {
  await Promise.all(opened.map((app) => app.close()));
}
