import { createConnection } from 'node:net';
import { placeOf } from './address.js';
import { findBinary, USUAL_FOLDERS } from './find-binary.js';
import type { ServerRecipe } from './server-recipe.js';

const PROBE_TIMEOUT_MS = 1_000;

/** PING over a bare socket. -NOAUTH is an answer too: a password is the business of whoever connects. */
function pings(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(placeOf(url, 6379));
    const answer = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
    let received = '';
    socket.setTimeout(PROBE_TIMEOUT_MS, () => answer(false));
    socket.once('error', () => answer(false));
    socket.once('close', () => answer(false));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (received.includes('\n')) answer(/^(\+PONG|-NOAUTH)/.test(received));
    });
  });
}

/** Without persistence. The title stays: the sweep knows a server by its command line. */
const SETTINGS = { save: '', appendonly: 'no', databases: '64', 'set-proc-title': 'no' };

function flags(settings: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

/** Redis without persistence: what it held is gone after kill() or restart(), as in a cache that lost its node. */
export const redisRecipe: ServerRecipe = {
  kind: 'redis',
  variable: 'INFRA_TEST_REDIS_URL',
  startTimeoutMs: 15_000,
  url: (host, port) => `redis://${host}:${port}`,
  isReady: pings,
  native: {
    missing: 'there is no redis-server on PATH',
    find() {
      const binary = findBinary('redis-server', USUAL_FOLDERS);
      if (binary === undefined) return undefined;
      return {
        command: ({ port, folder }) => [
          binary,
          ...flags({ port: String(port), bind: '127.0.0.1', dir: folder, ...SETTINGS }),
        ],
      };
    },
  },
  container: { image: 'redis:7.0.15', port: 6379, command: ['redis-server', ...flags(SETTINGS)] },
};
