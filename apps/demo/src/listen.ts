import { createServer } from 'node:net';

const TRIES = 20;

function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen(port, () => probe.close(() => resolve(true)));
  });
}

/** The port asked for, else the next free one; 0 (any free port) stays 0. */
export async function freePortFrom(wanted: number): Promise<number> {
  if (wanted === 0) return 0;
  for (let port = wanted; port < wanted + TRIES; port++) if (await isFree(port)) return port;
  throw new Error(`ports ${wanted} to ${wanted + TRIES - 1} are all busy; set PORT`);
}

/** PORT of the environment: a whole number, default 3000. */
export function wantedPort(text: string | undefined): number {
  return portOf('PORT', text) ?? 3000;
}

/** GRPC_PORT of the environment: without it nothing listens for gRPC. */
export function grpcPort(text: string | undefined): number | undefined {
  return portOf('GRPC_PORT', text);
}

function portOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`${name} must be a whole number from 0 to 65535, got "${text}"`);
  return port;
}
