import { errnoOf } from './errno.js';

export interface ConsoleFormatOptions {
  readonly color: boolean;
}

/** Lines for eyes, by pino-pretty; undefined when it is not installed. */
export async function consoleFormat(
  options: ConsoleFormatOptions,
): Promise<((line: string) => string) | undefined> {
  try {
    const { default: pretty } = await import('pino-pretty');
    return pretty.prettyFactory({
      colorize: options.color,
      singleLine: true,
      messageKey: 'msg',
      timestampKey: 'time',
      errorLikeObjectKeys: ['err'],
      translateTime: 'SYS:HH:MM:ss.l',
      ignore: 'pid,hostname,service,env,instance,namespace',
      messageFormat: '{if namespace}[{namespace}] {end}{msg}',
    });
  } catch (error) {
    if (errnoOf(error) === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
