import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually } from '@infra-kit/kernel/testing';

export interface RunningDemo {
  readonly url: string;
  readonly child: ChildProcess;
  /** All that was printed so far, both streams. */
  readonly output: () => string;
  /** The log lines so far, parsed. */
  readonly lines: () => Record<string, unknown>[];
  /** Sends SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

function fail(message: string): never {
  throw new Error(message);
}

/** Starts the built service as `npm start` does, on a free port, and waits until it says where it listens. */
export async function startDemo(settings: Record<string, string> = {}): Promise<RunningDemo> {
  const { NODE_OPTIONS: _options, REDIS_URL: _redis, INFRA_ENV: _env, NODE_ENV: _node, ...env } = process.env;
  const main = join(import.meta.dirname, '../dist/main.js');
  const child = spawn(process.execPath, [main], {
    env: { ...env, PORT: '0', LOG_FORMAT: 'json', ...settings },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const listening = eventually(
    () => /listening on (http:\S+)/.exec(output)?.[1] ?? fail(`not listening yet: ${output}`),
    { withinMs: 20_000 },
  );
  const ended = exited.then((code) => fail(`ended with ${code} before it listened: ${output}`));
  for (const promise of [listening, ended]) promise.catch(() => undefined); // the loser of the race reports to nobody
  const url = await Promise.race([listening, ended]).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    url,
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
