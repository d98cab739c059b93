import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface Beside {
  readonly url: string;
  stop(): void;
}

/** The service at the address given, else one started beside this process, which ends with it. */
export async function startBeside(
  main: string,
  given: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Beside> {
  if (given !== undefined && given.trim() !== '') return { url: given, stop: () => undefined };
  const child = fork(join(import.meta.dirname, main), { execArgv: [], env });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`${main} ended with ${String(code)} before it listened`);
  });
  const [message] = (await Promise.race([once(child, 'message'), failed])) as [{ readonly url: string }];
  failed.catch(() => undefined);
  // it ends when the channel does, and keeps nobody alive
  child.unref();
  child.channel?.unref();
  return { url: message.url, stop: () => child.connected && child.disconnect() };
}
