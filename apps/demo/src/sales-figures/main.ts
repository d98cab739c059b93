import type { AddressInfo } from 'node:net';
import { createInfraApp } from 'infra-kit';
import { SalesFiguresApp } from './app.module.js';

/** The sales figures as a process of their own; SALES_FIGURES_PORT sets the port (default: a free one). */
async function main(): Promise<void> {
  const app = await createInfraApp(SalesFiguresApp, { port: Number(process.env['SALES_FIGURES_PORT'] ?? 0) });
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://localhost:${port}`;
  if (process.send === undefined) return void process.stdout.write(`sales figures on ${url}/sales-figures\n`);
  // started by the shop: it ends with it
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.send({ url });
}

// createInfraApp has said why the start failed
main().catch(() => (process.exitCode = 1));
