import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below every usual ephemeral range: no client's outgoing connection can take the port while its server is down. */
const LOWEST = 14_000;
const HIGHEST = 32_000;
/** Each process draws from a slice of its own, so that runners and workers beside each other never draw the same port. */
const SLICE = 60;
const SLICES = (HIGHEST - LOWEST) / SLICE;

let drawn = randomInt(SLICE);

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * A TCP port of 127.0.0.1 nobody listens on. It is not reserved: whoever binds it must be ready to draw again. One
 * process gets the same port again only after all others of its slice.
 */
export async function freePort(): Promise<number> {
  const slice = LOWEST + (process.pid % SLICES) * SLICE;
  for (let attempt = 0; attempt < SLICE; attempt++) {
    const port = slice + (drawn++ % SLICE);
    if (await canBind(port)) return port;
  }
  throw new Error(`no free port between ${slice} and ${slice + SLICE}`);
}
