import type { INestApplication } from '@nestjs/common';
import { Transport, type GrpcOptions } from '@nestjs/microservices';
import { join } from 'node:path';

/** The compiler copies no .proto files: it is read where it is written. */
const PROTO = join(import.meta.dirname, '../../src/stock-grpc/stock.proto');

/** Lets an application that has not listened yet answer gRPC too, on a port of its own. */
export async function serveStock(app: INestApplication, port: number): Promise<void> {
  app.connectMicroservice<GrpcOptions>(
    { transport: Transport.GRPC, options: { package: 'shop', protoPath: PROTO, url: `0.0.0.0:${port}` } },
    { inheritAppConfig: true },
  );
  await app.startAllMicroservices();
}
