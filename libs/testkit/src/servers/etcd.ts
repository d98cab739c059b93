import { findBinary, USUAL_FOLDERS } from './find-binary.js';
import type { ServerRecipe } from './server-recipe.js';

const PROBE_TIMEOUT_MS = 1_000;

/** GET /health answers {"health":"true"} once the member has a leader. */
async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(new URL('/health', url), { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    return (await response.text()).includes('"true"');
  } catch {
    return false;
  }
}

function flags(client: string, advertised: string, peer: string, data: string): readonly string[] {
  return [
    '--name=t',
    `--data-dir=${data}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${advertised}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=t=${peer}`,
    '--logger=zap',
    '--log-level=error',
    '--unsafe-no-fsync',
  ];
}

/** etcd, one member. The data is kept over kill() and restart(). */
export const etcdRecipe: ServerRecipe = {
  kind: 'etcd',
  variable: 'INFRA_TEST_ETCD_ENDPOINTS',
  startTimeoutMs: 30_000,
  url: (host, port) => `http://${host}:${port}`,
  isReady: isHealthy,
  native: {
    missing: 'there is no etcd on PATH',
    find() {
      const binary = findBinary('etcd', USUAL_FOLDERS);
      if (binary === undefined) return undefined;
      return {
        command: ({ port, peerPort, folder }) => {
          const client = `http://127.0.0.1:${port}`;
          return [binary, ...flags(client, client, `http://127.0.0.1:${peerPort}`, `${folder}/data`)];
        },
      };
    },
  },
  container: {
    image: 'rancher/mirrored-coreos-etcd:v3.5.9',
    port: 2379,
    command: [
      'etcd',
      ...flags('http://0.0.0.0:2379', 'http://127.0.0.1:2379', 'http://127.0.0.1:2380', '/etcd-data'),
    ],
  },
};
