import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInfraApp } from 'infra-kit';
import { AppModule, figuresApart } from './app.module.js';
import { freePortFrom, wantedPort } from './listen.js';
import { startBeside, type Beside } from './start-beside.js';

const { env } = process;

async function choosePort(): Promise<{ port: number; wanted: number } | undefined> {
  try {
    const wanted = wantedPort(env['PORT']);
    return { wanted, port: await freePortFrom(wanted) };
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

async function main(): Promise<void> {
  const chosen = await choosePort();
  if (chosen === undefined) return void (process.exitCode = 1);
  const adapter = env['HTTP_ADAPTER'] === 'fastify' ? 'fastify' : 'express';
  const [gateway, figures] = await Promise.all([
    startBeside('gateway/main.js', env['PAYMENT_GATEWAY_URL']),
    startFigures(),
  ]);
  env['PAYMENT_GATEWAY_URL'] = gateway.url;
  const app = await createInfraApp(AppModule, { adapter, port: chosen.port }).catch((error: unknown) => {
    gateway.stop();
    figures?.stop();
    throw error;
  });
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://localhost:${port}`;
  const moved = chosen.wanted === 0 || port === chosen.wanted ? '' : ` (port ${chosen.wanted} is busy)`;
  process.stdout.write(
    `listening on ${url}${moved}\ntry: curl -i ${url}/products/p-100\n` +
      `sales figures on ${figures?.url ?? url}/sales-figures\n` +
      `payment gateway on ${gateway.url}\nbreak it: curl -X PUT ${gateway.url}/mode -d '{"mode":"hang"}' (slow, fail, ok)\n`,
  );
}

// createInfraApp has said why the start failed
main().catch(() => (process.exitCode = 1));
