import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface RunningGateway {
  readonly url: string;
  stop(): void;
}

/** The gateway whose address the environment names, else one started beside the service. */
export async function startGateway(given: string | undefined): Promise<RunningGateway> {
  if (given !== undefined && given.trim() !== '') return { url: given, stop: () => undefined };
  const child = fork(join(import.meta.dirname, 'main.js'), { execArgv: [] });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the payment gateway ended with ${String(code)} before it listened`);
  });
  const [message] = (await Promise.race([once(child, 'message'), failed])) as [{ readonly url: string }];
  failed.catch(() => undefined);
  // it ends when the channel does, and keeps nobody alive
  child.unref();
  child.channel?.unref();
  return { url: message.url, stop: () => child.disconnect() };
}
