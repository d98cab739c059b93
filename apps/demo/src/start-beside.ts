import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface Beside {
  readonly url: string;
  /** Resolves when it has ended; at once where it was not started here. */
  stop(): Promise<void>;
}

/** The service at the address given, else one started beside this process, which ends with it. */
export async function startBeside(
  main: string,
  given: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Beside> {
  if (given !== undefined && given.trim() !== '') return { url: given, stop: () => Promise.resolve() };
  const child = fork(join(import.meta.dirname, main), { execArgv: [], env });
  const ended = once(child, 'exit');
  const failed = ended.then(([code]) => {
    throw new Error(`${main} ended with ${String(code)} before it listened`);
  });
  const [message] = (await Promise.race([once(child, 'message'), failed])) as [{ readonly url: string }];
  failed.catch(() => undefined);
  // it ends when the channel does, and keeps nobody alive
  child.unref();
  child.channel?.unref();
  return {
    url: message.url,
    stop: async () => {
      child.ref();
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

/** For what is started so: says where it listens, and ends with whoever started it. False: nobody did. */
export function tellStarter(url: string): boolean {
  if (process.send === undefined) return false;
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.send({ url });
  return true;
}
