import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface RunningDemo {
  readonly url: string;
  /** Of the payment gateway that runs beside it. */
  readonly gatewayUrl: string;
  /** Where the sales figures are read. */
  readonly figuresUrl: string;
  readonly child: ChildProcess;
  /** All that was printed so far, both streams. */
  readonly output: () => string;
  /** The log lines so far, parsed. */
  readonly lines: () => Record<string, unknown>[];
  /** Sends SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** What `npm start` runs. */
const MAIN = join(import.meta.dirname, '../dist/main.js');
/** What `npm run start:servers` runs. */
export const ON_SERVERS = [join(import.meta.dirname, '../../../tools/servers.mjs'), 'start'];

/** The sales figures as a process of their own that no shop started; resolves when it listens. */
export async function startFigures(settings: Record<string, string>): Promise<ChildProcess> {
  const main = join(import.meta.dirname, '../dist/sales-figures/main.js');
  const child = spawn(process.execPath, [main], { env: { ...process.env, LOG_FORMAT: 'json', ...settings } });
  let output = '';
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: unknown) => {
        output += String(chunk);
        if (output.includes('sales figures on ')) resolve();
      });
    child.once('close', () => reject(new Error(`ended before it listened: ${output}`)));
  });
  return child;
}

/** Starts the built service as `npm start` does, on a free port, and waits until it says where it listens. */
export async function startDemo(
  settings: Record<string, string> = {},
  command: readonly string[] = [MAIN],
): Promise<RunningDemo> {
  const {
    NODE_OPTIONS: _options,
    REDIS_URL: _redis,
    ETCD_ENDPOINTS: _etcd,
    DATABASE_URL: _db,
    DATABASE_SHARD_URLS: _shards,
    DATA_DIR: _data,
    KAFKA_BROKERS: _kafka,
    ELASTICSEARCH_URL: _es,
    INFRA_ENV: _env,
    NODE_ENV: _node,
    ...env
  } = process.env;
  const child = spawn(process.execPath, command, {
    env: { ...env, PORT: '0', LOG_FORMAT: 'json', ...settings },
  });
  let output = '';
  const listening = Promise.withResolvers<Pick<RunningDemo, 'url' | 'gatewayUrl' | 'figuresUrl'>>();
  const onOutput = (chunk: unknown): void => {
    output += String(chunk);
    const url = /listening on (http:\S+)/.exec(output)?.[1];
    const gatewayUrl = /payment gateway on (http:\S+)\n/.exec(output)?.[1];
    const figuresUrl = /sales figures on (http:\S+)\n/.exec(output)?.[1];
    if (url !== undefined && gatewayUrl !== undefined && figuresUrl !== undefined)
      listening.resolve({ url, gatewayUrl, figuresUrl });
  };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', onOutput);
  const exited = once(child, 'close').then(([code]) => {
    listening.reject(new Error(`ended with ${String(code)} before it listened: ${output}`));
    return code as number | null;
  });
  return {
    ...(await listening.promise),
    child,
    output: () => output,
    lines: () =>
      output
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}
