import { existsSync } from 'node:fs';
import { type RequestOptions, request } from 'node:http';

const DEFAULT_SOCKET = '/var/run/docker.sock';
const PING_TIMEOUT_MS = 1_000;

/** Where the engine listens, as far as Node's own client can ask there. TLS and ssh engines are left to testcontainers. */
function pingTarget(): RequestOptions | 'trust' | undefined {
  const host = process.env.DOCKER_HOST;
  if (host === undefined || host === '')
    return existsSync(DEFAULT_SOCKET) ? { socketPath: DEFAULT_SOCKET } : undefined;
  const { protocol, hostname, port, pathname } = new URL(host);
  if (protocol === 'unix:') return { socketPath: pathname };
  if (protocol === 'tcp:' && process.env.DOCKER_TLS_VERIFY === undefined)
    return { host: hostname, port: port || 2375 };
  return 'trust';
}

/** Whether a Docker engine answers. Cheap where there is none: no client library is loaded to find out. Never rejects. */
export async function dockerAnswers(): Promise<boolean> {
  const target = pingTarget();
  if (target === undefined) return false;
  if (target === 'trust') return true;
  return new Promise((resolve) => {
    const ping = request({ ...target, path: '/_ping', timeout: PING_TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.once('timeout', () => ping.destroy());
    ping.once('error', () => resolve(false));
    ping.end();
  });
}
