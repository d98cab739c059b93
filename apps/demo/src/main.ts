import type { AddressInfo } from 'node:net';
import { createInfraApp } from 'infra-kit';
import { AppModule } from './app.module.js';
import { startGateway } from './gateway/start-gateway.js';
import { freePortFrom, wantedPort } from './listen.js';

async function choosePort(): Promise<{ port: number; wanted: number } | undefined> {
  try {
    const wanted = wantedPort(process.env['PORT']);
    return { wanted, port: await freePortFrom(wanted) };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

async function main(): Promise<void> {
  const chosen = await choosePort();
  if (chosen === undefined) return void (process.exitCode = 1);
  const adapter = process.env['HTTP_ADAPTER'] === 'fastify' ? 'fastify' : 'express';
  const gateway = await startGateway(process.env['PAYMENT_GATEWAY_URL']);
  process.env['PAYMENT_GATEWAY_URL'] = gateway.url;
  const app = await createInfraApp(AppModule, { adapter, port: chosen.port }).catch((error: unknown) => {
    gateway.stop();
    throw error;
  });
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://localhost:${port}`;
  const moved = chosen.wanted === 0 || port === chosen.wanted ? '' : ` (port ${chosen.wanted} is busy)`;
  process.stdout.write(`listening on ${url}${moved}\ntry: curl -i ${url}/products/p-100\n`);
  process.stdout.write(
    `payment gateway on ${gateway.url}\nbreak it: curl -X PUT ${gateway.url}/mode -d '{"mode":"hang"}' (slow, fail, ok)\n`,
  );
}

// createInfraApp has said why the start failed
main().catch(() => (process.exitCode = 1));
