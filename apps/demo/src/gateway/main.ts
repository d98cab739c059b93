import type { AddressInfo } from 'node:net';
import { GatewayServer } from './gateway-server.js';

/** The gateway as a process of its own; GATEWAY_PORT sets its port (default: a free one). */
async function main(): Promise<void> {
  const server = await new GatewayServer().listen(Number(process.env['GATEWAY_PORT'] ?? 0));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  if (process.send === undefined) return void process.stdout.write(`payment gateway on ${url}\n`);
  // started by the service: it ends with it, and not before it has drained
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
  process.once('disconnect', () => process.exit(0));
  process.send({ url });
}

await main();
