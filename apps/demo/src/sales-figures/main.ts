import type { AddressInfo } from 'node:net';
import { createInfraApp } from 'infra-kit';
import { tellStarter } from '../start-beside.js';
import { SalesFiguresApp } from './app.module.js';

/** The sales figures as a process of their own; SALES_FIGURES_PORT sets the port (default: a free one). */
async function main(): Promise<void> {
  const app = await createInfraApp(SalesFiguresApp, { port: Number(process.env['SALES_FIGURES_PORT'] ?? 0) });
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://localhost:${port}`;
  if (!tellStarter(url)) process.stdout.write(`sales figures on ${url}/sales-figures\n`);
}

// createInfraApp has said why the start failed
main().catch(() => (process.exitCode = 1));
