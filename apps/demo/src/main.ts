import type { INestApplication } from '@nestjs/common';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInfraApp } from 'infra-kit';
import { showApi } from './api-page.js';
import { AppModule, figuresApart } from './app.module.js';
import { freePortFrom, grpcPort, wantedPort } from './listen.js';
import { startBeside, tellStarter, type Beside } from './start-beside.js';
import { serveStock } from './stock-grpc/serve-stock.js';

const { env } = process;

interface Ports {
  readonly wanted: number;
  readonly port: number;
  readonly grpc: number | undefined;
}

async function choosePorts(): Promise<Ports | undefined> {
  try {
    const wanted = wantedPort(env['PORT']);
    return { wanted, port: await freePortFrom(wanted), grpc: grpcPort(env['GRPC_PORT']) };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

/** The second service runs beside this one where Kafka can carry the events to it, else inside. */
async function startFigures(): Promise<Beside | undefined> {
  if (!figuresApart(env)) return undefined;
  const folder = env['DATA_DIR']?.trim() && join(env['DATA_DIR'], 'sales-figures');
  return startBeside('sales-figures/main.js', env['SALES_FIGURES_URL'], { ...env, DATA_DIR: folder });
}

/** Listens; with a port for gRPC there too, for questions about stock. Routes of the API page go before the start. */
async function startApp({ port, grpc }: Ports): Promise<INestApplication> {
  const adapter = env['HTTP_ADAPTER'] === 'fastify' ? 'fastify' : 'express';
  const app = await createInfraApp(AppModule, { adapter });
  try {
    showApi(app);
    if (grpc !== undefined) await serveStock(app, grpc);
    await app.listen(port);
    return app;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    await app.close();
    throw error;
  }
}

async function main(): Promise<void> {
  const chosen = await choosePorts();
  if (chosen === undefined) return void (process.exitCode = 1);
  const [gateway, figures] = await Promise.all([
    startBeside('gateway/main.js', env['PAYMENT_GATEWAY_URL']),
    startFigures(),
  ]);
  env['PAYMENT_GATEWAY_URL'] = gateway.url;
  const app = await startApp(chosen).catch(async (error: unknown) => {
    await Promise.all([gateway.stop(), figures?.stop()]);
    throw error;
  });
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://localhost:${port}`;
  const moved = chosen.wanted === 0 || port === chosen.wanted ? '' : ` (port ${chosen.wanted} is busy)`;
  process.stdout.write(
    `listening on ${url}${moved}\n${chosen.grpc === undefined ? '' : `gRPC on port ${chosen.grpc}\n`}try: curl -i ${url}/products/p-100\n` +
      `api on ${url}/docs\n` +
      `sales figures on ${figures?.url ?? url}/sales-figures\n` +
      `payment gateway on ${gateway.url}\nbreak it: curl -X PUT ${gateway.url}/mode -d '{"mode":"hang"}' (slow, fail, ok)\n`,
  );
  tellStarter(url);
}

// it has been said why the start failed
main().catch(() => (process.exitCode = 1));
