import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { isAlive, until } from '@infra-kit/testkit';

export interface Runner {
  readonly pid: number;
  /** What it launched: 'idle' has a folder, a server that answers has a port. */
  readonly server: { readonly pid: number; readonly folder: string; readonly port: number };
  /** Ends the runner, and resolves when it is dead. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts fixtures/runner.mjs on the built package. */
export async function startRunner(...args: string[]): Promise<Runner> {
  const child: ChildProcess = fork(join(import.meta.dirname, 'fixtures', 'runner.mjs'), args, {
    execArgv: [],
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error('the runner did not start');
  const ended = once(child, 'exit').then(() =>
    Promise.reject(new Error('the runner ended before its server began')),
  );
  const [server] = (await Promise.race([once(child, 'message'), ended])) as [Runner['server']];
  ended.catch(() => {}); // it will be killed
  return {
    pid,
    server,
    async kill(signal) {
      if (!isAlive(pid)) return;
      child.kill(signal);
      await until('the runner is dead', () => !isAlive(pid));
    },
  };
}
