import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below every usual ephemeral range: no client's outgoing connection can take the port while its server is down. */
const LOWEST = 14_000;
const HIGHEST = 32_000;
const ATTEMPTS = 50;

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * A TCP port of 127.0.0.1 nobody listens on, drawn at random. It is not reserved: whoever binds it must be ready to
 * draw again.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await canBind(port)) return port;
  }
  throw new Error(`no free port between ${LOWEST} and ${HIGHEST} in ${ATTEMPTS} draws`);
}
