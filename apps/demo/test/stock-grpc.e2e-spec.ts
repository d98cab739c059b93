import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { status, type ServiceError } from '@grpc/grpc-js';
import { ClientProxyFactory, Transport, type ClientGrpcProxy } from '@nestjs/microservices';
import { InfraContext } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import { grpcClientInterceptor } from '@infra-kit/metrics/grpc';
import { freePort } from '@infra-kit/testkit';
import { join } from 'node:path';
import { firstValueFrom, type Observable } from 'rxjs';
import { startDemo, type RunningDemo } from './running-demo.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

interface StockService {
  of(request: { productId: string }): Observable<{ productId: string; stock: number }>;
}

let demo: RunningDemo;
let client: ClientGrpcProxy;
let stock: StockService;
beforeAll(async () => {
  const port = await freePort();
  demo = await startDemo({ GRPC_PORT: String(port) });
  client = ClientProxyFactory.create({
    transport: Transport.GRPC,
    options: {
      package: 'shop',
      protoPath: join(import.meta.dirname, '../src/stock-grpc/stock.proto'),
      url: `127.0.0.1:${port}`,
      channelOptions: { interceptors: [grpcClientInterceptor()] },
    },
  });
  stock = client.getService<StockService>('Stock');
}, 120_000);
afterAll(async () => {
  client.close();
  await demo.stop();
});

it('the stock of a product is told over gRPC, in the trace of who asks', async () => {
  const asked = InfraContext.run({ traceId: TRACE, timeoutMs: 20_000 }, () =>
    firstValueFrom(stock.of({ productId: 'p-103' })),
  );
  expect(await asked).toEqual({ productId: 'p-103', stock: 300 });
  await eventually(() => {
    const own = demo.lines().filter((line) => line['trace_id'] === TRACE);
    expect(own.map(({ msg }) => msg)).toContain('read from the catalogue');
  });
});

it('a product that there is not is NOT_FOUND', async () => {
  const error = await firstValueFrom(stock.of({ productId: 'p-999' })).catch(
    (thrown: ServiceError) => thrown,
  );
  expect(error).toMatchObject({
    code: status.NOT_FOUND,
    details: expect.stringContaining('no product p-999'),
  });
});

it('a GRPC_PORT that is none stops the start with one sentence', async () => {
  await expect(startDemo({ GRPC_PORT: 'grpc' })).rejects.toThrow(/GRPC_PORT must be a whole number/);
});
